#!/usr/bin/env node
// node-postgres: pool, prepared statements, cursors, and contrib/integrations/node.
// Packages: nodejs node-pg
// Npm: pg@8.16.3 pg-cursor@2.15.3
'use strict'
const { execFileSync } = require('child_process')
const path = require('path')
const { Client, Pool } = require('pg')
const Cursor = require('pg-cursor')
const { withPurpose, refusal } = require(path.join(process.env.CASUS_SRC, 'contrib/integrations/node/casus.js'))

const NOTES = 'SELECT inhoud FROM beesel.notitie ORDER BY id'
const INTAKE = ['intake een', 'intake twee']
const OVERLEG = ['overleg een', 'overleg twee']
let tests = 0

function ok (passed, name, note) {
  console.log(`${passed ? 'ok' : 'not ok'} ${++tests} - ${name}`)
  if (!passed) console.log(`# ${String(note).replaceAll('\n', '\n# ')}`)
}
function is (got, expected, name) {
  [got, expected] = [JSON.stringify(got), JSON.stringify(expected)]
  ok(got === expected, name, `got:      ${got}\nexpected: ${expected}`)
}
async function errorOf (promise) {
  try { await promise } catch (error) { return error }
  return {}
}
const codeOf = async (promise) => (await errorOf(promise)).constraint
const values = async (client, ...query) => (await client.query(...query)).rows.map((row) => Object.values(row)[0])

function fixture (name) {
  const file = (f) => ['-f', path.join(process.env.CASUS_SRC, f)]
  execFileSync('createdb', [name])
  process.env.PGDATABASE = name
  execFileSync('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', '-c', 'SET client_min_messages = warning', '-c', 'CREATE EXTENSION casus',
    ...file('test/fixtures/beesel.sql'), ...file('test/clients/mixed.sql')], { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function inContext (client, purpose, work) {
  await client.query('BEGIN')
  try {
    await client.query('SELECT casus.enter($1)', [purpose])
    return await work()
  } finally {
    await client.query('ROLLBACK')
  }
}

async function plainClient () {
  const client = new Client({ user: 'bs_coordinator' })
  await client.connect()

  // [B-9] What a program needs of a refusal stands in fields of its own.
  let error = await errorOf(client.query(NOTES))
  is([error.code, error.constraint], ['42501', 'casus.no_purpose'], 'err.code and err.constraint of a refusal')
  ok(/art\./.test(error.detail), 'err.detail cites the article', error.detail)
  ok(/casus\.enter/.test(error.hint), 'err.hint says what to do next', error.hint)
  is(refusal(error), 'casus.no_purpose', 'refusal() tells it from other errors')
  is(refusal(await errorOf(client.query('SELECT 1/0'))), undefined, 'and other errors from it')
  is(await values(client, 'SELECT titel FROM beesel.zaak ORDER BY id'), ['vergunning een', 'vergunning twee'],
    'a mixed table gives what is outside the protocol')
  error = await errorOf(client.query('SELECT casus.enter($1)', ['intake']))
  is(error.code, '25P01', 'enter without a transaction is refused')
  ok(/^BEGIN/.test(error.hint), 'with a hint to begin one', error.hint)

  // Several statements in one string are one implicit transaction.
  await errorOf(client.query("SELECT casus.enter('intake'); SELECT inhoud FROM beesel.notitie"))
  is(await codeOf(client.query(NOTES)), 'casus.no_purpose', 'a string of statements leaves no context behind')

  // SELECT *, by text and in the binary format.
  for (const binary of [false, true]) {
    await inContext(client, 'intake', async () => {
      const result = await client.query({ text: 'SELECT * FROM beesel.zaak ORDER BY id', binary })
      is(result.rows.map((row) => row.id), [1, 2, 3], `SELECT * (binary: ${binary})`)
      const label = result.fields.at(-1)
      is([label.name, label.dataTypeID], ['casus_label', 2950], `the label is described as uuid (binary: ${binary})`)
      ok(result.rows[2].casus_label.length > 15, `and has a value (binary: ${binary})`, result.rows[2].casus_label)
    })
  }
  await inContext(client, 'intake', async () => {
    const [label] = await values(client, 'SELECT casus_label FROM beesel.zaak WHERE id = 3')
    is(await values(client, 'SELECT id FROM beesel.zaak WHERE casus_label = $1', [label]), [3], 'a label as a parameter')
  })

  // A named statement stays prepared over transactions; what it gives does not.
  const named = { name: 'notes', text: 'SELECT inhoud FROM beesel.notitie WHERE inhoud LIKE $1 ORDER BY id', values: ['%'] }
  for (let i = 0; i < 7; i++) await inContext(client, 'intake', () => client.query(named))
  is(await inContext(client, 'overleg', () => values(client, named)), OVERLEG, 'a named statement in another context')
  is(await codeOf(client.query(named)), 'casus.no_purpose', 'a named statement without one')

  // Cursors.
  for (const after of [undefined, 'SELECT casus.leave()', "SELECT casus.enter('overleg')"]) {
    await inContext(client, 'intake', async () => {
      const cursor = client.query(new Cursor(NOTES))
      is((await cursor.read(1)).map((row) => row.inhoud), [INTAKE[0]], 'a cursor: the first row')
      if (after === undefined) {
        is((await cursor.read(10)).map((row) => row.inhoud), [INTAKE[1]], 'and the rest')
        await cursor.close()
      } else {
        // The cursor's portal waits for its Sync, and a query for the cursor: so by SQL.
        await cursor.close()
        await client.query(`DECLARE notes CURSOR FOR ${NOTES}`)
        await client.query('FETCH notes')
        await client.query(after)
        is(await codeOf(client.query('FETCH notes')), 'casus.context_changed', `FETCH after ${after}`)
      }
    })
  }

  // RETURNING, upsert, savepoints, the child first.
  const insert = 'INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ($1, $2, $3)'
  await inContext(client, 'intake', async () => {
    const [row] = (await client.query(`${insert} RETURNING *`, ['N-1', 'ondermijning', 'nieuw'])).rows
    ok(row.id > 3 && row.casus_label.length === 36, 'INSERT ... RETURNING * of a governed row', JSON.stringify(row))
    const upsert = `${insert} ON CONFLICT (nummer) DO UPDATE SET titel = EXCLUDED.titel RETURNING titel`
    is(await values(client, upsert, ['N-1', 'ondermijning', 'nieuwer']), ['nieuwer'], 'upsert of a governed row')
    is(await values(client, upsert, ['Z-1', 'parkeren', 'anders']), ['anders'], 'upsert of a row outside')
    await client.query('SAVEPOINT here')
    is((await errorOf(client.query('INSERT INTO beesel.betrokkene (zaak_id, naam) VALUES (3, NULL)'))).code, '23502', 'an error in the context')
    await client.query('ROLLBACK TO here')
    is(await values(client, NOTES), INTAKE, 'which goes on after ROLLBACK TO')
    await client.query("INSERT INTO beesel.betrokkene (zaak_id, naam) VALUES (901, 'kind')")
    await client.query("INSERT INTO beesel.zaak (id, nummer, soort, titel) VALUES (901, 'N-901', 'ondermijning', 'ouder')")
    await client.query('SET CONSTRAINTS ALL IMMEDIATE')
    is(await values(client, 'SELECT naam FROM beesel.betrokkene WHERE zaak_id = 901'), ['kind'], 'child before parent')
  })
  is(await codeOf(client.query(insert, ['N-2', 'ondermijning', 'x'])), 'casus.no_purpose', 'a governed row without a purpose')

  await client.query('BEGIN')
  await client.query("SELECT casus.enter('intake')")
  is(await codeOf(client.query("PREPARE TRANSACTION 'node'")), 'casus.bypass', 'PREPARE TRANSACTION with a context')
  await client.query('ROLLBACK')
  await client.query('BEGIN')
  await client.query("SELECT casus.enter('intake')")
  await client.query('COMMIT')
  await client.query('DISCARD ALL')
  is(await codeOf(client.query(NOTES)), 'casus.no_purpose', 'nothing after DISCARD ALL')
  await client.end()
}

// One connection for all: no context reaches who borrows it next (A008).
async function pooled () {
  const pool = new Pool({ user: 'bs_coordinator', max: 1 })
  // pool.query() throws the connection away after an error; a borrower does not.
  const borrow = async (work) => {
    const client = await pool.connect()
    try { return await work(client) } finally { client.release() }
  }
  const without = () => borrow((client) => codeOf(client.query(NOTES)))
  const [pid] = await values(pool, 'SELECT pg_backend_pid()')

  is(await withPurpose(pool, { purpose: 'intake' }, (client) => values(client, NOTES)), INTAKE, 'withPurpose reads in the context')
  is(await without(), 'casus.no_purpose', 'and leaves none')
  const [dossier] = await values(pool, "SELECT dossier FROM beesel.fixture WHERE name = 'overleg'")
  is(await withPurpose(pool, { purpose: 'overleg', dossier, office: 'coordinator', file: 'ondermijning' }, (client) => values(client, NOTES)),
    OVERLEG, 'with dossier, office and file')
  let error = await errorOf(withPurpose(pool, { purpose: "intake'); SELECT ('" }, () => ok(false, 'not reached')))
  is(refusal(error), 'casus.wrong_purpose', 'what is no purpose is refused, and bound, not executed')
  error = await errorOf(withPurpose(pool, { purpose: 'intake' }, async (client) => {
    await client.query("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('N-3', 'ondermijning', 'x')")
    throw new Error('of the application')
  }))
  is(error.message, 'of the application', 'an error of the application comes out')
  is(await withPurpose(pool, { purpose: 'intake' }, (client) => values(client, "SELECT id FROM beesel.zaak WHERE nummer = 'N-3'")), [],
    'and its work is rolled back')
  error = await errorOf(withPurpose(pool, { purpose: 'intake' }, async (client) => {
    await client.query("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('N-5', 'ondermijning', 'x')")
    await errorOf(client.query('SELECT 1/0'))
  }))
  ok(/rolled back/.test(error.message), 'what is rolled back for an error that was caught is an error', error.message)
  is(await withPurpose(pool, { purpose: 'intake' }, (client) => values(client, "SELECT id FROM beesel.zaak WHERE nummer = 'N-5'")), [],
    'and nothing of it is there')
  await withPurpose(pool, { purpose: 'intake' }, (client) =>
    client.query("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('N-4', 'ondermijning', 'x')"))
  is(await withPurpose(pool, { purpose: 'intake' }, (client) => values(client, "SELECT id FROM beesel.zaak WHERE nummer = 'N-4'")).then((r) => r.length), 1,
    'what went well is committed')

  // One login for many civil servants.
  execFileSync('psql', ['-qXc', 'CREATE ROLE bs_node_app LOGIN', '-c', 'GRANT bs_coordinator TO bs_node_app'])
  const app = new Pool({ user: 'bs_node_app', max: 1 })
  is(await withPurpose(app, { purpose: 'intake', role: 'bs_coordinator' }, (client) => values(client, NOTES)), INTAKE,
    "withPurpose takes the civil servant's role")
  is(await values(app, 'SELECT current_user::text'), ['bs_node_app'], 'and gives it back')
  is(refusal(await errorOf(withPurpose(app, { purpose: 'intake' }, () => {}))), 'casus.no_appointment', 'without it the application has no appointment')
  await app.end()

  is(await values(pool, 'SELECT pg_backend_pid()'), [pid], 'all of it over one connection')

  // The server ends the connection in the middle: the pool makes another, without a context.
  pool.on('error', () => {})
  error = await errorOf(withPurpose(pool, { purpose: 'intake' }, async (client) => {
    client.on('error', () => {})
    execFileSync('psql', ['-qXAtc', `SELECT pg_terminate_backend(${(await values(client, 'SELECT pg_backend_pid()'))[0]})`])
    await values(client, NOTES)
  }))
  ok(error.message !== undefined, 'a connection that breaks is an error')
  is(await without(), 'casus.no_purpose', 'and the next one has no context')
  await pool.end()
}

(async () => {
  fixture('client_node')
  await plainClient()
  await pooled()
  console.log(`1..${tests}`)
})().catch((error) => {
  console.log(`Bail out! ${error.stack}`)
  process.exitCode = 1
})
