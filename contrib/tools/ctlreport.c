/*
 * ctlreport.c
 *		casusctl report: a month of the access log as one page of HTML, for the
 *		functionaris voor gegevensbescherming, or what it has of one file, for who
 *		oversees that.
 *
 * The figures are those of views and functions of casus; here stands only how
 * they are put on the page.  On it are names of those who act and numbers of
 * dossiers, no motivation and nothing of what is in a dossier.  Everything is
 * asked in one snapshot and before the first line is written: there is a whole
 * page or none.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casusctl.h"

#include "ctlhtml.h"
#include "libpq-fe.h"

#define MAX_COLUMNS	12
#define NOT_WHOLE	"NIET geheel"
#define UNVERIFIED	"niet te verifieren"
#define REFUSED_LOG	"geweigerd"

/*
 * A part of the page: one question and its answer as a table.  $1 and $2 are
 * begin and end of the month, $3 the file or NULL.
 */
typedef struct Section
{
	const char *id;
	const char *heading;
	const char *about;			/* what the figures are */
	const char *caption;
	const char *none;			/* instead of a table without rows */
	bool		none_is_bad;
	const char *sql;
	const char *file_sql;		/* for who oversees the file, where it is another; "": none */
	CtlColumn	columns[MAX_COLUMNS];
} Section;

static const Section sections[] = {
	{"gebruik", "Gebruik per bestand, functie en doel",
		"Elke opdracht die rijen van een dossier doorliet geeft per tabel een regel in de log. De aantallen rijen zijn een bovengrens van wat iemand te zien kreeg.",
		"Gelezen en geschreven, per bestand, functie en doel",
		"In deze maand is van geen enkel dossier gelezen of geschreven.", false,
		"SELECT file, CASE kind WHEN 'read' THEN 'gelezen' WHEN 'copy' THEN 'naar tijdelijke tabel' WHEN 'would_refuse' THEN 'doorgelaten in stand observe' WHEN 'write' THEN 'geschreven' ELSE kind END, "
		"office, purpose, CASE source WHEN 'context' THEN 'gekozen' WHEN 'standing' THEN 'vast doel' WHEN 'break_glass' THEN 'break-glass' WHEN 'inspection' THEN 'inspectie' ELSE source END, "
		"persons, dossiers, records, row_count FROM casus.log_use($1::timestamptz, $2::timestamptz, $3::text)", NULL,
		{{"Bestand", 't'}, {"Wat", 't'}, {"Functie", 't'}, {"Doel", 't'}, {"Hoe", 't'},
		{"Personen", 'n'}, {"Dossiers", 'n'}, {"Regels", 'n'}, {"Rijen", 'n'}, {NULL, 0}}},
	{"weigeringen", "Weigeringen per controle en artikel",
		"Wat is geweigerd, naar de controle die weigerde en het artikel dat daarbij is genoemd. Veel weigeringen van een soort wijzen op een verkeerde inrichting, op onbekendheid met het protocol, of op proberen.",
		"Weigeringen, meeste eerst",
		"In deze maand is niets geweigerd.", false,
		"SELECT code, CASE kind WHEN 'would_refuse' THEN 'doorgelaten in stand observe' ELSE 'geweigerd' END, protocol, article, records, persons, "
		"first_at, last_at FROM casus.log_refusals($1::timestamptz, $2::timestamptz, $3::text)", NULL,
		{{"Controle", 't'}, {"Gevolg", 't'}, {"Protocol", 't'}, {"Artikel", 't'}, {"Aantal", 'n'},
		{"Personen", 'n'}, {"Eerste", 'm'}, {"Laatste", 'm'}, {NULL, 0}}},
	{"uitvoer", "Exports, dumps en afschriften",
		"Tabellen die als geheel zijn meegenomen door een lid van casus_backup, bestanden van de server die zijn gelezen, en rijen die naar een tijdelijke tabel gingen. Een begonnen dump zonder voltooide is afgebroken.",
		"Exports, dumps en afschriften",
		"In deze maand is niets als geheel meegenomen of naar een tijdelijke tabel gebracht.", false,
		"SELECT relation, CASE kind WHEN 'export' THEN 'dump of export' WHEN 'attempt' THEN 'dump begonnen' WHEN 'copy' THEN 'naar tijdelijke tabel' ELSE kind END, person, role, "
		"records, dossiers, row_count, first_at, last_at FROM casus.log_outflow($1::timestamptz, $2::timestamptz, $3::text)", NULL,
		{{"Tabel of functie", 't'}, {"Wat", 't'}, {"Persoon", 't'}, {"Rol", 't'}, {"Keer", 'n'},
		{"Dossiers", 'n'}, {"Rijen", 'n'}, {"Eerste", 'm'}, {"Laatste", 'm'}, {NULL, 0}}},
	{"openingen", "Break-glass en inspecties",
		"Openingen van deze maand, en oudere break-glass die nog niet is beoordeeld. De reden staat in casus.opening; wat onder een opening is gelezen in casus.access_log, kolom opening.",
		"Break-glass en inspecties, met beoordeling",
		"In deze maand is geen dossier buiten de regels om geopend, en er wacht geen break-glass op beoordeling.", false,
		"SELECT starts, CASE kind WHEN 'break_glass' THEN 'break-glass' WHEN 'inspect' THEN 'inspectie' ELSE kind END, file, dossier, coalesce(person, role_name), "
		"CASE WHEN as_admin THEN 'casus_admin' ELSE office END, ends, "
		"CASE WHEN is_reviewed IS NULL THEN 'niet nodig' WHEN NOT is_reviewed THEN 'NOG NIET BEOORDEELD' WHEN outcome = 'justified' THEN 'terecht' WHEN outcome = 'not_justified' THEN 'niet terecht' ELSE outcome END, "
		"reviewed_by, reviewed_at FROM casus.opening WHERE starts < $2::timestamptz AND (starts >= $1::timestamptz OR NOT is_reviewed) "
		"AND ($3::text IS NULL OR file = $3) ORDER BY starts, act",
		"SELECT a.at, CASE a.kind WHEN 'break_glass' THEN 'break-glass' ELSE 'inspectie' END, a.file, a.dossier, coalesce(a.person, a.role_name), "
		"coalesce(a.office, 'casus_admin'), g.ends, CASE WHEN g.act IS NULL THEN 'alleen voor wie beoordeelt' WHEN g.is_reviewed IS NULL THEN 'niet nodig' WHEN NOT g.is_reviewed THEN 'NOG NIET BEOORDEELD' "
		"WHEN g.outcome = 'justified' THEN 'terecht' WHEN g.outcome = 'not_justified' THEN 'niet terecht' ELSE g.outcome END, "
		"g.reviewed_by, g.reviewed_at FROM casus.act_log a LEFT JOIN casus.opening g ON g.act = a.id "
		"WHERE a.kind IN ('break_glass', 'inspect') AND a.at >= $1::timestamptz AND a.at < $2::timestamptz AND a.file = $3::text ORDER BY a.at, a.id",
		{{"Van", 'm'}, {"Soort", 't'}, {"Bestand", 't'}, {"Dossier", 'n'}, {"Persoon", 't'}, {"Functie", 't'},
		{"Tot", 'm'}, {"Beoordeling", 't'}, {"Door", 't'}, {"Op", 'm'}, {NULL, 0}}},
	{"controles", "Periodieke controle van de log",
		"Controles die (een deel van) deze maand betreffen, vastgelegd met casus.record_control. De steekproef noemt de nummers van de bekeken regels; de motivering staat in casus.control.",
		"Controles over deze maand",
		"Over deze maand is nog geen controle van de log vastgelegd.", true,
		"SELECT at, coalesce(person, role_name), since, until, records, cardinality(sample), "
		"array_to_string(sample[1:40], ', ') || CASE WHEN cardinality(sample) > 40 THEN ' ...' ELSE '' END, "
		"CASE outcome WHEN 'no_findings' THEN 'geen bevindingen' WHEN 'findings' THEN 'bevindingen' ELSE outcome END"
		", coalesce(file, 'alle') FROM casus.control WHERE since < $2::timestamptz AND until > $1::timestamptz "
		"AND ($3::text IS NULL OR file IS NULL OR file = $3) ORDER BY at, act", NULL,
		{{"Vastgelegd", 'm'}, {"Door", 't'}, {"Periode van", 'm'}, {"tot", 'm'}, {"Regels in de periode", 'n'},
		{"Bekeken", 'n'}, {"Nummers", 't'}, {"Uitkomst", 't'}, {"Bestand", 't'}, {NULL, 0}}},
	{"uitschieters", "Uitschieters",
		"Dagen waarop iemand van veel meer dossiers zag dan op zijn andere dagen, of dan anderen in dezelfde functie (drie keer de mediaan, vanaf vijf dossiers), of waarvoor er niets te vergelijken is. Een aanwijzing waar te kijken, geen bevinding.",
		"Dagen met opvallend veel dossiers",
		"Geen uitschieters in deze maand.", false,
		"SELECT person, office, day, dossiers, own_median, colleagues_median "
		"FROM casus.log_outliers($1::timestamptz, $2::timestamptz, in_file => $3::text)", NULL,
		{{"Persoon of rol", 't'}, {"Functie", 't'}, {"Dag", 't'}, {"Dossiers", 'n'},
		{"Eigen mediaan", 'd'}, {"Mediaan van anderen", 'd'}, {NULL, 0}}},
	{"verruiming", "Handelingen die verruimen",
		"Handelingen waarna iemand meer kan zien of veranderen: protocollen, aanstellingen, deelname, delen, openingen, tabellen die niet meer gebonden zijn, onderhoud, en ingrepen in de server.",
		"Handelingen die verruimen",
		"In deze maand is niets verruimd.", false,
		"SELECT act, file, office, person, role, relation, records, dossiers, first_at, last_at"
		" FROM casus.log_widened($1::timestamptz, $2::timestamptz, $3::text)", NULL,
		{{"Handeling", 'e'}, {"Bestand", 't'}, {"Functie", 't'}, {"Persoon", 't'}, {"Rol", 't'}, {"Tabel", 't'},
		{"Keer", 'n'}, {"Dossiers", 'n'}, {"Eerste", 'm'}, {"Laatste", 'm'}, {NULL, 0}}},
	{"personen", "Wie de meeste dossiers zag",
		"Hoogstens twintig personen. Allen: casus.log_persons.",
		"Personen naar aantal dossiers waarvan zij rijen zagen",
		"In deze maand zag niemand een dossier.", false,
		"SELECT person, CASE WHEN is_known THEN 'persoon' ELSE 'rol van onbekende' END, array_to_string(offices, ', '), dossiers, days, records, row_count"
		" FROM casus.log_persons($1::timestamptz, $2::timestamptz, $3::text) LIMIT 20", NULL,
		{{"Persoon of rol", 't'}, {"Soort", 't'}, {"Functies", 't'}, {"Dossiers", 'n'},
		{"Dagen", 'n'}, {"Regels", 'n'}, {"Rijen", 'n'}, {NULL, 0}}},
	{"bevindingen", "Openstaande bevindingen van casus.doctor",
		"Wat de bescherming nu verzwakt: de stand bij het maken van dit verslag, niet die van de maand. De teksten zijn Engels.",
		"Openstaande bevindingen",
		"casus.doctor vindt niets dat de bescherming verzwakt.", false,
		"SELECT code, CASE severity WHEN 'critical' THEN 'ernstig' WHEN 'warning' THEN 'waarschuwing' ELSE 'opmerking' END, finding, mend FROM casus.doctor(), "
		"(SELECT $1::timestamptz, $2::timestamptz, $3::text) AS unused", "",
		{{"Bevinding", 'e'}, {"Ernst", 't'}, {"Wat", 'e'},
		{"Herstel", 'e'}, {NULL, 0}}},
	{"inzage", "Wie de log zelf las",
		"Lezen van de log is zelf een verwerking en staat in de log, ook het maken van dit verslag.",
		"Lezen en verifieren van de log",
		"In deze maand heeft niemand de log gelezen.", false,
		"SELECT coalesce(person, role), role, CASE what WHEN 'access_log' THEN 'gelezen' WHEN 'verify_log' THEN 'geverifieerd' WHEN 'log_piece' THEN 'opgehaald' WHEN 'who_saw_subject' THEN 'gezocht naar betrokkene' ELSE what END, records, days, "
		"first_at, last_at FROM casus.log_read_back($1::timestamptz, $2::timestamptz, $3::text)", NULL,
		{{"Persoon of rol", 't'}, {"Rol", 't'}, {"Wat", 't'}, {"Keer", 'n'},
		{"Dagen", 'n'}, {"Eerste", 'm'}, {"Laatste", 'm'}, {NULL, 0}}},
	{"log", "Wat de log van zichzelf zegt",
		"Starten en stoppen, wat een crash afbrak, een klok die is verzet, sleutels, bestanden die een ander veranderde, en wat na de bewaartermijn is verwijderd (wie, en van welke regels; de reden staat in casus.access_log). De omschrijvingen zijn Engels.",
		"Regels van de log over zichzelf, oudste eerst",
		"In deze maand zegt de log niets van zichzelf.", false,
		"SELECT CASE code WHEN 'purge_log' THEN 'verwijderd na de termijn' WHEN 'log_changed' THEN 'DOOR EEN ANDER VERANDERD' WHEN 'log_torn' THEN 'afgebroken door een crash' WHEN 'log_clock' THEN 'klok verzet' "
		"WHEN 'log_key' THEN 'sleutel' WHEN 'rotate_log_key' THEN 'andere sleutel gemaakt' WHEN 'skip_log' THEN 'OVERGESLAGEN' WHEN 'log_started' THEN 'begonnen' WHEN 'log_stopped' THEN 'gestopt' WHEN 'log_resumed' THEN 'hervat na een storing' ELSE code END, "
		"what, coalesce(person, role), records, first_at, last_at, node::text FROM casus.log_itself($1::timestamptz, $2::timestamptz), (SELECT $3::text) AS unused", "",
		{{"Wat", 't'}, {"Omschrijving", 'e'}, {"Door", 't'}, {"Keer", 'n'}, {"Eerste", 'm'}, {"Laatste", 'm'}, {"Log", 't'}, {NULL, 0}}},
	{"knooppunten", "Servers waarvan de log hier staat",
		"Elke server (ook een standby) schrijft een eigen log. Wat een standby liet lezen staat alleen op deze pagina als zijn log is opgehaald. De eigen log is hierboven geverifieerd.",
		"Logs in deze database",
		"Er is geen log.", true,
		"SELECT c.node::text, CASE c.state WHEN 'own' THEN 'deze server' ELSE coalesce(c.standby, c.source) END, "
		"CASE c.state WHEN 'own' THEN 'eigen' WHEN 'collected' THEN 'opgehaald' WHEN 'waiting' THEN 'nog niet gevraagd' WHEN 'late' THEN 'te laat' WHEN 'failing' THEN 'ophalen mislukt' "
		"WHEN 'refused' THEN '" REFUSED_LOG "' WHEN 'kept' THEN 'bewaard' ELSE c.state END, "
		"NULL, c.missing, n.records, n.first_at, n.last_at, c.collected_at "
		"FROM casus.log_chain c LEFT JOIN casus.log_nodes($1::timestamptz, $2::timestamptz) n ON n.node = c.node "
		"WHERE $3::text IS NULL OR true ORDER BY c.state <> 'own', c.source, c.node", "",
		{{"Log", 't'}, {"Van", 't'}, {"Stand", 't'}, {"Geverifieerd", 't'}, {"Ontbrekende bestanden", 'n'},
		{"Regels in de maand", 'n'}, {"Eerste", 'm'}, {"Laatste", 'm'}, {"Opgehaald op", 'm'}, {NULL, 0}}},
};

/*
 * Of the page as a whole, by number of column.  From who is no pg_monitor it is
 * hidden where others are that replicate, not that they are there.
 */
#define SUMMARY(others) \
	"SELECT current_database(), session_user, to_char(now(), 'YYYY-MM-DD HH24:MI'), to_char($1::timestamptz, 'YYYY-MM-DD HH24:MI'), to_char($2::timestamptz, 'YYYY-MM-DD HH24:MI'), " \
	"now() < $2::timestamptz, replace(to_char(r.records, 'FM999,999,999,990'), ',', '.'), replace(to_char(r.reads, 'FM999,999,999,990'), ',', '.'), " \
	"replace(to_char(r.refusals, 'FM999,999,999,990'), ',', '.'), replace(to_char(r.dossiers, 'FM999,999,999,990'), ',', '.'), r.records = 0, " \
	"(SELECT count(*) FROM casus.opening WHERE NOT is_reviewed AND ($3::text IS NULL OR file = $3)), (SELECT count(*) FROM pg_stat_replication), " \
	others ", pg_is_in_recovery() " \
	"FROM casus.log_summary($1::timestamptz, $2::timestamptz, $3::text) r"

static const char summary_sql[] =
	SUMMARY("(SELECT count(*) FROM casus.log_chain WHERE state = 'collected')");
static const char file_summary_sql[] = SUMMARY("0");

enum
{
	DATABASE, MADE_BY, MADE_AT, SINCE, UNTIL, IS_RUNNING, RECORDS, PASSED, REFUSED, DOSSIERS,
	IS_EMPTY, NOT_REVIEWED, FOLLOWERS, OTHER_NODES, IN_RECOVERY
};

/* Columns of the last section; that of what is verified is filled in later. */
enum
{
	LOG_NODE, LOG_STATE = 2, LOG_VERIFIED
};

static const char node_sql[] =
	"SELECT CASE WHEN v.ok THEN 'geheel' ELSE '" NOT_WHOLE " (regel ' || coalesce(v.seq::text, '?') || ')' END "
	"FROM casus.verify_log(node => $1) v WHERE $2 <> 'eigen'";

static const char chain_sql[] =
	"SELECT v.ok, v.first_seq, v.last_seq, v.file, v.\"position\", v.seq, v.finding, a.anchor "
	"FROM casus.log_anchor() a, LATERAL casus.verify_log(anchor => CASE WHEN "
	"$1 ~ '^[0-9a-f]{32}:' AND split_part($1, ':', 1) <> split_part(a.anchor, ':', 1) THEN NULL ELSE $1 END) v";

enum
{
	OK, FIRST_SEQ, LAST_SEQ, IN_FILE, POSITION, SEQ, FINDING, ANCHOR
};

/* Columns of the first question. */
enum
{
	IS_TO_COME = 2, WHOLE_LOG, OVERSEEN, FILE_NAME
};

typedef struct Report
{
	PGconn	   *connection;
	bool		is_overseer;	/* of the file: not an auditor */
	const char *file;			/* NULL: of all */
	PGresult   *month;
	PGresult   *chain;
	PGresult   *summary;
	PGresult   *answers[lengthof(sections)];
} Report;

static PGresult *
ask(PGconn *connection, const char *sql, int nvalues, const char *const *values)
{
	PGresult   *result = PQexecParams(connection, sql, nvalues, NULL, values, NULL, NULL, 0);

	if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
		ctl_fail(EXIT_DATABASE, "%s", PQerrorMessage(connection));
	return result;
}

static const char *
value_of(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

static bool
is_true(const PGresult *result, int column)
{
	return strcmp(PQgetvalue(result, 0, column), "t") == 0;
}

/*
 * Each of the other logs by itself: one that cannot be opened (its key file is
 * not here) is a finding of the page, which is made all the same.
 */
static void
verify_nodes(PGconn *connection, PGresult *nodes)
{
	for (int row = 0; row < PQntuples(nodes); row++)
	{
		const char *values[2] = {value_of(nodes, row, LOG_NODE), PQgetvalue(nodes, row, LOG_STATE)};
		const char *verified = NULL;
		PGresult   *result;

		if (values[0] == NULL)
			continue;
		PQclear(ask(connection, "SAVEPOINT log", 0, NULL));
		result = PQexecParams(connection, node_sql, 2, NULL, values, NULL, NULL, 0);
		if (PQresultStatus(result) == PGRES_TUPLES_OK)
			verified = PQntuples(result) == 0 ? NULL : PQgetvalue(result, 0, 0);
		else if (PQstatus(connection) != CONNECTION_OK)
			ctl_fail(EXIT_DATABASE, "%s", PQerrorMessage(connection));
		else
		{
			fprintf(stderr, "casusctl: log %s: %s", values[0], PQerrorMessage(connection));
			verified = UNVERIFIED;
		}
		if (verified != NULL &&
			!PQsetvalue(nodes, row, LOG_VERIFIED, unconstify(char *, verified), strlen(verified)))
			ctl_fail(EXIT_CANNOT, "out of memory");
		PQclear(result);
		PQclear(ask(connection, "ROLLBACK TO log", 0, NULL));
	}
}

/* Whose report it is to be, or ends. */
static void
find_scope(Report *report, const CtlOptions *options)
{
	const PGresult *m = report->month;

	report->is_overseer = !is_true(m, WHOLE_LOG);
	if (report->is_overseer && atoi(PQgetvalue(m, 0, OVERSEEN)) == 0)
		ctl_fail(EXIT_DATABASE, "only a member of casus_auditor sees the whole log, and who oversees a file what it has of that; of others it would be a report about themselves");
	if (options->file != NULL && PQgetisnull(m, 0, FILE_NAME))
		ctl_fail(EXIT_DATABASE, "there is no file \"%s\" that you oversee", options->file);
	if (options->file == NULL && report->is_overseer && atoi(PQgetvalue(m, 0, OVERSEEN)) > 1)
		ctl_fail(EXIT_CANNOT, "you oversee several files: name one with --file");
	report->file = report->is_overseer || options->file != NULL ?
		value_of(m, 0, FILE_NAME) : NULL;
}

/* What is asked for a section; "": nothing, of who oversees one file. */
static const char *
question_of(const Report *report, const Section *section)
{
	return report->is_overseer && section->file_sql != NULL ? section->file_sql : section->sql;
}

/* Asks everything there is on the page, or ends. */
static void
collect(Report *report, const CtlOptions *options)
{
	PGconn	   *connection = report->connection;
	const char *values[3] = {options->month, options->file};

	/* What the role or the client's environment set does not change the page. */
	PQclear(ask(connection, "SET search_path = pg_catalog, pg_temp", 0, NULL));
	PQclear(ask(connection, "SET timezone = 'Europe/Amsterdam'", 0, NULL));
	PQclear(ask(connection, "SET datestyle = 'ISO'", 0, NULL));
	PQclear(ask(connection, "SET lc_numeric = 'C'", 0, NULL));
	PQclear(ask(connection, "SET client_encoding = 'UTF8'", 0, NULL));
	PQclear(ask(connection, "SET lock_timeout = 0", 0, NULL));
	PQclear(ask(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL));
	report->month = ask(connection,
						"SELECT since, until, since > now(), casus.sees_whole_log(), (SELECT count(*) FROM casus.overseen_file), "
						"(SELECT min(file) FROM casus.overseen_file WHERE $2::text IS NULL OR file = $2) FROM casus.log_month($1)",
						2, values);
	find_scope(report, options);
	if (is_true(report->month, IS_TO_COME))
		ctl_fail(EXIT_CANNOT, "the month %s has not begun", options->month);
	if (!report->is_overseer)
		report->chain = ask(connection, chain_sql, 1, &options->anchor);
	values[0] = PQgetvalue(report->month, 0, 0);
	values[1] = PQgetvalue(report->month, 0, 1);
	values[2] = report->file;
	report->summary = ask(connection, report->is_overseer ? file_summary_sql : summary_sql,
						  3, values);
	for (int i = 0; i < lengthof(sections); i++)
	{
		const char *sql = question_of(report, &sections[i]);

		if (*sql != '\0')
			report->answers[i] = ask(connection, sql, 3, values);
	}
	verify_nodes(connection, report->answers[lengthof(sections) - 1]);
	PQclear(ask(connection, "COMMIT", 0, NULL));
}

/* ---- the page ---- */

/* Puts together a sentence and what stands in it. */
static void say(PQExpBuffer page, const char *class_name, const char *format,...)
__attribute__((format(printf, 3, 4)));

static void
say(PQExpBuffer page, const char *class_name, const char *format,...)
{
	char		text[4096];		/* names are of 63 bytes, findings are ours */
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	ctl_html_paragraph(page, class_name, text);
}

static void
put_summary(PQExpBuffer page, const Report *report)
{
	const PGresult *s = report->summary;

	say(page, NULL, "Database %s. Van %s tot %s, tijd van Amsterdam (Europe/Amsterdam). Gemaakt op %s door %s met casusctl " CASUS_VERSION ".",
		PQgetvalue(s, 0, DATABASE), PQgetvalue(s, 0, SINCE), PQgetvalue(s, 0, UNTIL),
		PQgetvalue(s, 0, MADE_AT), PQgetvalue(s, 0, MADE_BY));
	if (report->file != NULL)
		say(page, NULL, report->is_overseer ? "Alleen wat volgens de log over bestand %s gaat." :
			"Alleen wat volgens de log over bestand %s gaat, behalve de staat van de log, de bevindingen, wat de log van zichzelf zegt en de servers.",
			report->file);
	say(page, NULL, "Op deze pagina staan namen van wie handelde en nummers van dossiers, niets uit een dossier. Zij is zelf vertrouwelijk.");
	if (is_true(s, IS_RUNNING))
		say(page, "bad", "De maand is nog niet voorbij: dit zijn de cijfers tot nu toe.");
	if (is_true(s, IN_RECOVERY))
		say(page, "bad", "Dit is een standby: wat op de hoofdserver en op andere standby's is gelezen na het laatste laden staat hier niet.");
	if (is_true(s, IS_EMPTY))
		say(page, "bad", report->file != NULL ?
			"In deze maand heeft de log over dit bestand geen enkele regel." :
			"In deze maand heeft de log van deze database geen enkele regel.");
	else if (report->is_overseer)
		say(page, NULL, "In het kort: %s regels in de log; %s keer zijn rijen doorgelaten, van %s dossiers; %s weigeringen.",
			PQgetvalue(s, 0, RECORDS), PQgetvalue(s, 0, PASSED), PQgetvalue(s, 0, DOSSIERS),
			PQgetvalue(s, 0, REFUSED));
	else
		say(page, NULL, "In het kort: %s regels in de log; %s keer zijn rijen doorgelaten, van %s dossiers; %s weigeringen; %s keer break-glass wacht op beoordeling.",
			PQgetvalue(s, 0, RECORDS), PQgetvalue(s, 0, PASSED), PQgetvalue(s, 0, DOSSIERS),
			PQgetvalue(s, 0, REFUSED), PQgetvalue(s, 0, NOT_REVIEWED));
}

static void
put_contents(PQExpBuffer page, const Report *report)
{
	appendPQExpBufferStr(page, "<nav aria-label=\"Inhoud\">\n<ul>\n<li><a href=\"#keten\">Staat van de log</a></li>\n");
	for (int i = 0; i < lengthof(sections); i++)
	{
		if (report->answers[i] == NULL)
			continue;
		appendPQExpBuffer(page, "<li><a href=\"#%s\">", sections[i].id);
		ctl_html_text(page, sections[i].heading);
		appendPQExpBufferStr(page, "</a></li>\n");
	}
	appendPQExpBufferStr(page, "</ul>\n</nav>\n");
}

/* An anchor of the log of another node says nothing of this one. */
static bool
is_of_other(const Report *report, const char *anchor)
{
	const char *own;

	if (anchor == NULL || report->is_overseer)
		return false;
	own = PQgetvalue(report->chain, 0, ANCHOR);
	return strncmp(anchor, own, strcspn(own, ":") + 1) != 0;
}

static void
put_chain(PQExpBuffer page, const Report *report, const char *anchor)
{
	const PGresult *c = report->chain;
	bool		is_other = is_of_other(report, anchor);
	bool		anchored = anchor != NULL && !is_other;

	ctl_html_heading(page, "keten", "Staat van de log");
	if (report->is_overseer)
	{
		say(page, NULL, "Voor wie toezicht houdt op dit bestand: de log is hiervoor niet geverifieerd. Dat, en wat in de log niet van een bestand is (zoals dumps van tabellen van meer bestanden, weigeringen buiten een bestand en ingrepen in de server), staat in het verslag van een lid van casus_auditor.");
		return;
	}
	if (is_true(c, OK))
		say(page, "good", "De log van deze server is geheel: regel %s tot en met %s zijn wat zijn schrijver schreef%s.",
			PQgetvalue(c, 0, FIRST_SEQ), PQgetvalue(c, 0, LAST_SEQ),
			anchored ? ", en het meegegeven anker klopt" : "");
	else
		say(page, "bad", "De log van deze server is NIET geheel. Het eerste dat niet klopt: %s, positie %s, regel %s: %s.",
			PQgetvalue(c, 0, IN_FILE), PQgetvalue(c, 0, POSITION), PQgetvalue(c, 0, SEQ),
			PQgetvalue(c, 0, FINDING));
	if (is_other)
		say(page, "bad", "Het meegegeven anker is van de log van een ANDERE node (%.*s): deze server schrijft die log niet meer, of heeft hem nooit geschreven. Zie casus.log_chain en casus.verify_log(anchor => ..., node => ...).",
			(int) strcspn(anchor, ":"), anchor);
	if (!anchored)
		say(page, NULL, "Geverifieerd zonder eerder anker: dat de log opnieuw is gemaakt, of is ingekort toen de server stil lag, blijkt alleen met een anker van vroeger (casusctl report --anchor).");
	say(page, NULL, "Anker, om te bewaren waar niemand van de server bij kan:");
	ctl_html_paragraph(page, "line", PQgetvalue(c, 0, ANCHOR));
}

static void
put_section(PQExpBuffer page, const Section *section, const PGresult *answer)
{
	ctl_html_heading(page, section->id, section->heading);
	ctl_html_paragraph(page, NULL, section->about);
	if (PQntuples(answer) == 0)
	{
		ctl_html_paragraph(page, section->none_is_bad ? "bad" : NULL, section->none);
		return;
	}
	ctl_html_table_begin(page, section->caption, section->columns);
	for (int row = 0; row < PQntuples(answer); row++)
	{
		const char *values[MAX_COLUMNS] = {NULL};

		for (int column = 0; column < Min(PQnfields(answer), MAX_COLUMNS); column++)
			values[column] = value_of(answer, row, column);
		ctl_html_row(page, section->columns, values);
	}
	ctl_html_table_end(page);
}

/* How many of the logs here have in a column what begins so. */
static int
count_logs(const Report *report, int column, const char *start)
{
	const PGresult *nodes = report->answers[lengthof(sections) - 1];
	int			n = 0;

	for (int row = 0; row < PQntuples(nodes); row++)
		n += strncmp(PQgetvalue(nodes, row, column), start, strlen(start)) == 0;
	return n;
}

/* A standby whose log is not here has let through what nobody finds on this page. */
static void
put_missing_nodes(PQExpBuffer page, const Report *report)
{
	int			followers = atoi(PQgetvalue(report->summary, 0, FOLLOWERS));
	int			others = atoi(PQgetvalue(report->summary, 0, OTHER_NODES));
	int			refused = count_logs(report, LOG_STATE, REFUSED_LOG);
	int			unverified = count_logs(report, LOG_VERIFIED, UNVERIFIED);

	if (refused > 0)
		say(page, "bad", "Van %d andere servers is de log geweigerd: wat daarvan kwam is niet wat zijn schrijver schreef, of sluit niet aan op wat eerder is opgehaald. Wat daar sindsdien is gelezen staat niet op deze pagina.",
			refused);
	if (unverified > 0)
		say(page, "bad", "Van %d andere servers is de log niet te verifieren, meestal doordat een kopie van hun sleutelbestand hier ontbreekt: of wat van daar op deze pagina staat alles is, is niet na te gaan.",
			unverified);
	if (followers > others)
		say(page, "bad", "Aan deze server hangen nu %d verbindingen voor replicatie (standby's en andere ontvangers), en van %d andere servers wordt de log hierheen gehaald: wat op een standby is gelezen waarvan de log niet is opgehaald, staat niet op deze pagina.",
			followers, others);
}

static void
put_page(PQExpBuffer page, const Report *report, const CtlOptions *options)
{
	char		title[64];

	snprintf(title, sizeof(title), "Verslag van de toegangslog, %s", options->month);
	ctl_html_begin(page, title);
	put_summary(page, report);
	put_contents(page, report);
	put_chain(page, report, options->anchor);
	for (int i = 0; i < lengthof(sections); i++)
	{
		if (report->answers[i] != NULL)
			put_section(page, &sections[i], report->answers[i]);
	}
	if (!report->is_overseer)
		put_missing_nodes(page, report);
	ctl_html_end(page);
}

static void
check_month(const char *month)
{
	int			number = 0;

	if (strlen(month) == 7 && strspn(month, "0123456789") == 4 && month[4] == '-' &&
		strspn(month + 5, "0123456789") == 2 && strncmp(month, "0000", 4) != 0)
		number = atoi(month + 5);
	if (number < 1 || number > 12)
		ctl_fail(EXIT_CANNOT, "\"%s\" is no month as 2026-03", month);
}

/* Of this server and of those whose logs it collects. */
static bool
all_whole(const Report *report)
{
	return count_logs(report, LOG_STATE, REFUSED_LOG) == 0 &&
		count_logs(report, LOG_VERIFIED, NOT_WHOLE) == 0 &&
		count_logs(report, LOG_VERIFIED, UNVERIFIED) == 0 &&
		(report->is_overseer || is_true(report->chain, OK));
}

int
ctl_db_report(const CtlOptions *options)
{
	Report		report = {0};
	PQExpBuffer page;
	int			code;

	check_month(options->month);
	report.connection = ctl_db_connect(options->database);
	collect(&report, options);
	page = createPQExpBuffer();
	put_page(page, &report, options);
	if (PQExpBufferBroken(page))
		ctl_fail(EXIT_CANNOT, "out of memory");
	fwrite(page->data, 1, page->len, stdout);
	destroyPQExpBuffer(page);
	code = all_whole(&report) && !is_of_other(&report, options->anchor) ? EXIT_WHOLE : EXIT_DAMAGED;
	PQclear(report.month);
	PQclear(report.chain);
	PQclear(report.summary);
	for (int i = 0; i < lengthof(sections); i++)
		PQclear(report.answers[i]);
	PQfinish(report.connection);
	return ctl_finish(code);
}
