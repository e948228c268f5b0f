# take_in of many rows that are dossiers: a thousand of them are opened together, each with its act and its
# key, on record with its number; what fails goes with its batch and is done by the next call; memory does
# not grow with their number.  200,000 dossiers with TEST_LONG, else 20,000.
use strict;
use warnings;

use Test::More;
use CasusTest;

my $many = $ENV{TEST_LONG} ? 200_000 : 20_000;
my $node = CasusTest::start('main');

$node->safe_psql('postgres', qq{
	CREATE ROLE auditor LOGIN IN ROLE casus_auditor;
	CREATE ROLE backup LOGIN BYPASSRLS IN ROLE casus_backup;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', f), casus.activate_protocol(f, 'DPIA-1', '{"startdatum": "2021-12-14", "standaarden": []}')
		FROM unnest(ARRAY['een', 'twee']) f;
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, start date NOT NULL, eind date);
	INSERT INTO zaak SELECT n, n % 3, date '2020-01-01' + n % 1000, CASE WHEN n % 10 = 0 THEN current_date - 10 END FROM generate_series(1, 4000) n;
	CREATE TABLE klein (id integer PRIMARY KEY);
	INSERT INTO klein SELECT generate_series(1, 2000);
	CREATE TABLE groot (id integer PRIMARY KEY);
	INSERT INTO groot SELECT generate_series(1, $many);
	SELECT casus.protect('zaak', 'een', opens_dossier => true, governs => 'soort = 1', category => 'registratie');
	SELECT casus.protect('zaak', 'twee', opens_dossier => true, governs => 'soort = 2', category => 'registratie');
	SELECT casus.protect(t, 'een', opens_dossier => true, category => 'registratie') FROM unnest(ARRAY['klein', 'groot']::regclass[]) t;
});

# Dossiers that the log says were taken in.
sub on_record
{
	$node->safe_psql('postgres', 'SELECT casus.log_anchor()');
	return map { map { $_->[0] } @{ $_->{dossiers} // [] } }
		grep { ($_->{kind} // '') eq 'setup' && ($_->{text} // '') eq 'taken_in' } CasusTest::log_records($node);
}

sub count { return $node->safe_psql('postgres', "SELECT count($_[0]) FROM $_[1]") }
sub audited { return $node->safe_psql('postgres', $_[0], extra_params => [ '-U', 'auditor' ]) }
sub known { return audited('SELECT count(*) FROM casus.dossier') }

# The second batch fails with a thousand dossiers opened.
my $closing = q{phase => $$CASE WHEN eind IS NULL THEN 'intake' ELSE 'afsluiten' END$$, closed => 'eind'};
my ($code, $message) = CasusTest::refusal($node,
	"CALL casus.take_in('zaak', batch_size => 1300, opened => \$\$start + 0 / (id - 3500)\$\$, $closing)");
is($message, 'division by zero', 'an expression fails in the second batch');
is(count('DISTINCT casus.dossier_of(casus_label)', 'zaak'), 1300, 'the first batch has its dossiers');
is(known(), 1300, 'and nothing is left of the second');
is(scalar(on_record()), 1300, 'nor on record');

$node->safe_psql('postgres', "CALL casus.take_in('zaak', batch_size => 2000, opened => 'start', $closing)");
is(count('DISTINCT casus.dossier_of(casus_label)', 'zaak'), 2667, 'the next call does the rest');
is(known(), 2667, 'a dossier per row');
my %seen = map { $_ => 1 } on_record();
is(scalar(keys %seen), 2667, 'each on record');
is(scalar(grep { $seen{$_} } split /\n/, $node->safe_psql('postgres', 'SELECT casus.dossier_of(casus_label) FROM zaak WHERE soort <> 0')),
	2667, 'by its own number');

# Each says what its row says.
is(audited(q{
	SELECT d.file, d.phase, count(*), bool_and(d.is_taken_in), count(d.closed_at) FROM casus.dossier d GROUP BY 1, 2 ORDER BY 1, 2}),
	join("\n", 'een|afsluiten|134|t|134', 'een|intake|1200|t|0', 'twee|afsluiten|133|t|133', 'twee|intake|1200|t|0'),
	'file, phase and end by the row');
my %key = map { split /\t/, $_, 2 } split /\n/,
	$node->safe_psql('postgres', 'COPY (SELECT id, root_relation, root_key FROM casus_cat.dossier) TO STDOUT', extra_params => [ '-U', 'backup' ]);
is(scalar(grep { my ($id, $dossier) = split /\|/; $key{$dossier} ne qq{"public"."zaak"\t$id} }
	split /\n/, $node->safe_psql('postgres', 'SELECT id, casus.dossier_of(casus_label) FROM zaak WHERE soort <> 0')),
	0, 'and names it by its key');
is(audited(q{SELECT count(*), count(DISTINCT dossier) FROM casus.act_log WHERE kind = 'taken_in' AND controller IS NOT NULL}),
	'2667|2667', 'an act for each');

# ---- memory ----

if (!-e '/proc/self/status')
{
	diag('NOT RUN: memory of a batch, since there is no /proc');
	done_testing();
	exit;
}

# Most that the process ever had of address space: shared memory is mapped from the start.
sub peak { return PostgreSQL::Test::Utils::slurp_file("/proc/$_[0]/status") =~ /^VmPeak:\s+(\d+)/m ? $1 : die }

my $session = $node->background_psql('postgres');
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query("SET client_min_messages = warning; CALL casus.take_in('klein')");
my $before = peak($pid);
$session->query("CALL casus.take_in('groot', batch_size => $many)");
my $grown = peak($pid) - $before;
is(count('DISTINCT casus.dossier_of(casus_label)', 'groot'), $many, "$many dossiers in one batch");
cmp_ok($grown * 1024 / $many, '<=', 200, 'bytes of memory per dossier of the batch');
note "$grown KiB";
$session->quit;

$node->stop;
done_testing();
