'use strict'
/**
 * casus for node-postgres: one transaction, one purpose.
 *
 *   const { withPurpose, refusal } = require('./casus')
 *   const rows = await withPurpose(pool, { purpose: 'overleg', dossier: 42 }, async (client) =>
 *     (await client.query('SELECT inhoud FROM notitie')).rows)
 *
 * context: purpose; dossier, office, party, file (left out: filled in by casus when only one fits);
 * role: the civil servant's database role, where the application's login has been granted it.
 */
const ENTER = 'SELECT casus.enter(purpose => $1, dossier => $2, office => $3, party => $4, file => $5)'

async function withPurpose (pool, { role, purpose, dossier, office, party, file }, work) {
  const client = await pool.connect()
  let broken
  try {
    await client.query('BEGIN')
    if (role != null) await client.query("SELECT set_config('role', $1, true)", [role])
    await client.query(ENTER, [purpose, dossier, office, party, file])
    const result = await work(client)
    // After an error that was caught in between the server answers COMMIT with ROLLBACK, and no error.
    const { command } = await client.query('COMMIT')
    if (command !== 'COMMIT') throw new Error(`the transaction was rolled back (${command}): a statement in it had failed`)
    return result
  } catch (error) {
    // A connection that cannot even roll back is thrown away, not lent again.
    await client.query('ROLLBACK').catch((failure) => { broken = failure })
    throw error
  } finally {
    client.release(broken)
  }
}

/** The code of casus' refusal ('casus.no_purpose', ...); undefined for any other error. */
function refusal (error) {
  return error?.code === '42501' && error.constraint?.startsWith('casus.') ? error.constraint : undefined
}

module.exports = { withPurpose, refusal }
