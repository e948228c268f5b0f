/*
 * data.sql
 *		Tables for the benchmark, before casus: :rows rows over :dossiers
 *		dossiers, a narrow and a 42-column shape, twice: one pair stays plain
 *		(with a column in the label's position), one gets protected.
 *
 * Everything follows from the row number.  A row's dossier is scattered over
 * the table; 36 of 100 dossiers are in the phase that the reader reads.
 * Without :governed only the mixed table is made.
 */
\set QUIET on

\if :governed
CREATE TABLE dossier (
	id integer PRIMARY KEY,
	phase text NOT NULL,
	opened date NOT NULL,
	closed date
);
INSERT INTO dossier (id, phase, opened)
	SELECT n, CASE WHEN n * 7919 % 100 < 36 THEN 'overleg'
		ELSE (ARRAY['intake', 'zwaarte', 'voorbereiden', 'regie'])[1 + n % 4] END, '2026-10-01'
	FROM generate_series(1, :dossiers) n;
/* The same dossiers once more, all of them readable. */
CREATE TABLE dossier_open AS SELECT id, 'overleg'::text AS phase, opened, closed FROM dossier;
ALTER TABLE dossier_open ADD PRIMARY KEY (id);

/* The same for the arms without casus. */
CREATE TABLE plain_dossier AS SELECT * FROM dossier;
ALTER TABLE plain_dossier ADD PRIMARY KEY (id);

/* What a hand-written policy looks up: the rules of one protocol, and what was shared. */
CREATE TABLE rule (
	phase text NOT NULL,
	office text NOT NULL,
	purpose text NOT NULL,
	category integer NOT NULL,
	scope text NOT NULL,
	PRIMARY KEY (phase, office, purpose, category)
);
INSERT INTO rule
	SELECT p, o, p, c, CASE o WHEN 'afgevaardigde' THEN 'own' ELSE 'all' END
	FROM unnest(ARRAY['intake', 'zwaarte', 'voorbereiden', 'overleg', 'regie']) p,
		unnest(ARRAY['coordinator', 'casusregisseur', 'afgevaardigde']) o,
		generate_series(1, 10) c;

CREATE TABLE share (
	dossier_id integer NOT NULL,
	item integer NOT NULL,
	party integer NOT NULL,
	PRIMARY KEY (dossier_id, party, item)
);
INSERT INTO share SELECT n, 0, 1 + n % 12 FROM generate_series(1, :dossiers) n;

CREATE TABLE narrow_mix (
	id integer PRIMARY KEY,
	dossier_id integer NOT NULL REFERENCES dossier,
	category integer NOT NULL,
	party integer NOT NULL,
	body text NOT NULL
);
INSERT INTO narrow_mix
	SELECT n, 1 + n::bigint * 7919 % :dossiers, 1 + n % 10, 1 + n % 12, 'row ' || n || repeat('.', 50)
	FROM generate_series(1, :rows) n;
CREATE INDEX narrow_mix_dossier ON narrow_mix (dossier_id);

CREATE TABLE narrow_open (LIKE narrow_mix);
INSERT INTO narrow_open SELECT * FROM narrow_mix;
ALTER TABLE narrow_open ADD PRIMARY KEY (id), ADD FOREIGN KEY (dossier_id) REFERENCES dossier_open;
CREATE INDEX narrow_open_dossier ON narrow_open (dossier_id);

/* 41 columns; the label becomes the 42nd. */
SELECT 'CREATE TABLE wide_open (id integer PRIMARY KEY, dossier_id integer NOT NULL REFERENCES dossier_open, '
	|| string_agg(format('c%s %s NOT NULL', n,
		CASE n % 3 WHEN 0 THEN 'integer' WHEN 1 THEN 'varchar(20)' ELSE 'date' END), ', ' ORDER BY n) || ')'
	FROM generate_series(3, 41) n \gexec
SELECT 'INSERT INTO wide_open SELECT id, dossier_id, '
	|| string_agg(CASE n % 3 WHEN 0 THEN 'id' WHEN 1 THEN '''x'' || id % 100' ELSE '''2026-01-01''' END, ', ' ORDER BY n)
	|| ' FROM narrow_mix' FROM generate_series(3, 41) n \gexec

/* Text, with the indexes by which it is searched. */
CREATE EXTENSION pg_trgm;
CREATE TABLE note (
	id integer PRIMARY KEY,
	dossier_id integer NOT NULL REFERENCES dossier_open,
	body text NOT NULL
);
INSERT INTO note
	SELECT n, 1 + n::bigint * 7919 % :dossiers,
		(SELECT string_agg('word' || (n::bigint * k * 7919 + k * k) % 5000, ' ') FROM generate_series(1, 20) k)
	FROM generate_series(1, :rows / 10) n;
CREATE TABLE plain_note AS SELECT *, md5(dossier_id::text)::uuid AS label FROM note;
ALTER TABLE plain_note ADD PRIMARY KEY (id);
CREATE INDEX note_trigram ON note USING gin (body gin_trgm_ops);
CREATE INDEX note_text ON note USING gin (to_tsvector('simple', body));
CREATE INDEX plain_note_trigram ON plain_note USING gin (body gin_trgm_ops);
CREATE INDEX plain_note_text ON plain_note USING gin (to_tsvector('simple', body));

/* The plain twins, with a column where the label of the others is. */
CREATE TABLE plain_mix AS SELECT *, md5(dossier_id::text)::uuid AS label FROM narrow_mix;
ALTER TABLE plain_mix ADD PRIMARY KEY (id);
CREATE INDEX plain_mix_dossier ON plain_mix (dossier_id);
CREATE TABLE plain_open AS SELECT *, md5(dossier_id::text)::uuid AS label FROM narrow_mix;
ALTER TABLE plain_open ADD PRIMARY KEY (id);
CREATE TABLE plain_wide AS SELECT *, md5(dossier_id::text)::uuid AS label FROM wide_open;
ALTER TABLE plain_wide ADD PRIMARY KEY (id);
CREATE TABLE plain_tenth AS SELECT * FROM plain_mix WHERE id <= :rows / 10;
ALTER TABLE plain_tenth ADD PRIMARY KEY (id);

/* The policies one writes by hand, each for a role of its own. */
ALTER TABLE plain_mix ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain_tenth ENABLE ROW LEVEL SECURITY;
CREATE POLICY hashed_in ON plain_mix TO bench_in
	USING (dossier_id IN (SELECT d.id FROM plain_dossier d WHERE d.phase = 'overleg'));
CREATE POLICY exists_rule ON plain_tenth TO bench_exists
	USING (EXISTS (SELECT FROM plain_dossier d JOIN rule r ON r.phase = d.phase
		WHERE d.id = dossier_id AND r.office = 'coordinator' AND r.purpose = 'overleg'
			AND r.category = plain_tenth.category
			AND (r.scope = 'all' OR r.scope = 'own' AND party = 1
				OR r.scope = 'shared' AND EXISTS (SELECT FROM share s
					WHERE s.dossier_id = d.id AND s.party = 1 AND s.item IN (0, plain_tenth.id)))
			AND (d.closed IS NULL OR d.closed + interval '1 year' > now())));

\endif

/* The mixed table of the promise to applications: few governed rows among many. */
CREATE TABLE mixed (
	id integer PRIMARY KEY,
	kind integer NOT NULL,
	started date NOT NULL,
	title text NOT NULL
);
INSERT INTO mixed
	SELECT n, CASE WHEN n % (:rows / 600) = 0 THEN 8 ELSE 1 + n % 7 END,
		date '2020-01-01' + n % 2000, 'case ' || n
	FROM generate_series(1, :rows / 2) n;
CREATE INDEX mixed_started ON mixed (started);
CREATE TABLE plain_mixed AS SELECT *, md5(id::text)::uuid AS label FROM mixed;
ALTER TABLE plain_mixed ADD PRIMARY KEY (id);
CREATE INDEX plain_mixed_started ON plain_mixed (started);
/* The same again: what differs between these two is the machine's. */
CREATE TABLE twin_mixed AS SELECT * FROM plain_mixed;
ALTER TABLE twin_mixed ADD PRIMARY KEY (id);
CREATE INDEX twin_mixed_started ON twin_mixed (started);
/* As if the governed rows had never been there: what an application may expect to see. */
CREATE VIEW mixed_others AS SELECT * FROM plain_mixed WHERE kind <> 8;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT INSERT, DELETE ON mixed, plain_mixed, twin_mixed TO PUBLIC;
