# Statements that SQLsmith makes up, run by a reader with a purpose and by a superuser without one: no row of a dossier
# that they may not see comes out, in a result, a message or the server's log, and the server does not crash.  Each
# dossier's rows bear a canary of their own.
# 10,000 statements, TEST_LONG=1: 200,000; FUZZ_STATEMENTS: that many; FUZZ_SEED repeats a run.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

plan skip_all => 'NOT RUN: there is no sqlsmith (apt-get install sqlsmith)' if system('command -v sqlsmith >/dev/null');

my $seed = $ENV{FUZZ_SEED} // time % 1000000;
my $count = $ENV{FUZZ_STATEMENTS} || ($ENV{TEST_LONG} ? 200000 : 10000);
my $chunk = 1000;		# each start of sqlsmith reads the catalog by 3,000 queries
diag("FUZZ_SEED=$seed");

my $node = CasusTest::start('main', conf => "log_min_messages = log\njit = off\n");
CasusTest::fixture($node, 'beesel');
my $overleg = $node->safe_psql('postgres', q{SELECT dossier FROM beesel.fixture WHERE name = 'overleg'});

# More dossiers, more columns for the operators to work on, a view, and a mixed table.
$node->safe_psql('postgres', q{
	CREATE TYPE beesel.kleur AS ENUM ('rood');
	CREATE TABLE beesel.zaak (id integer PRIMARY KEY, soort text NOT NULL, dossier bigint, categorie text, naam text, bedrag numeric,
		gezien timestamptz, punten integer[], gegevens jsonb);
	SELECT casus.protect('beesel.zaak', 'ondermijning', dossier => 'dossier', governs => 'soort = ''signaal''',
		category_column => 'categorie');
	SELECT casus.bind('beesel.zaak', 'enforce');
	GRANT SELECT, INSERT, UPDATE, DELETE ON beesel.zaak TO PUBLIC;
	CREATE VIEW beesel.overzicht AS SELECT n.id, n.inhoud, z.naam, z.bedrag FROM beesel.notitie n LEFT JOIN beesel.zaak z USING (dossier);
	GRANT SELECT ON beesel.overzicht TO PUBLIC;
	INSERT INTO beesel.zaak SELECT i, 'gewoon', NULL, NULL, 'buiten ' || i, i, now(), ARRAY[i], '{}' FROM generate_series(1, 40) i;
	UPDATE beesel.zaak SET bedrag = 0 WHERE id = 1;
	CREATE INDEX ON beesel.zaak (naam);
});
my $dossiers = $node->safe_psql('postgres', q{
	SET SESSION AUTHORIZATION bs_coordinator;
	SELECT casus.open_dossier('ondermijning', '{"aandrager": "anoniem", "melddatum": "2026-01-05", "aanleiding": "melding",
		"beschrijving": "een pand", "personalia": "onbekend"}') FROM generate_series(1, 5);
});
for my $dossier (split /\n/, $dossiers)
{
	$node->safe_psql('postgres', qq{
		SET SESSION AUTHORIZATION bs_coordinator;
		BEGIN;
		SELECT casus.enter('intake', $dossier);
		INSERT INTO beesel.notitie (dossier, categorie, inhoud)
			SELECT $dossier, 'signaalomschrijving', 'KANARIE_VREEMD ' || i FROM generate_series(1, 10) i;
		INSERT INTO beesel.zaak SELECT 577215664 + $dossier * 100 + i, 'signaal', $dossier, 'signaalomschrijving', 'KANARIE_VREEMD ' || i,
			271828182845 + i * 0.5, timestamptz '1618-03-03' + i * interval '1 day', ARRAY[314159265 + i], '{"naam": "KANARIE_VREEMD"}'
			FROM generate_series(1, 10) i;
		COMMIT;
	});
}
$node->safe_psql('postgres', qq{
	SET SESSION AUTHORIZATION bs_handhaving;
	BEGIN;
	SELECT casus.enter('overleg', $overleg);
	INSERT INTO beesel.notitie (dossier, categorie, inhoud) SELECT $overleg, 'handhaving', 'KANARIE_EIGEN ' || i FROM generate_series(1, 5) i;
	INSERT INTO beesel.zaak SELECT i, 'signaal', $overleg, 'handhaving', 'KANARIE_EIGEN', i, now(), ARRAY[i], '{"naam": "KANARIE_EIGEN"}'
		FROM generate_series(1000, 1005) i;
	COMMIT;
});

# What bears a canary of a foreign dossier: text as it is, in other letters, backwards or in hexadecimal; numbers; a date.
my $number = qr/\b57721[5-9]\d{3}\b|\b2718281828[45]\d\b|\b3141592[67]\d\b/;
my $foreign = qr/KANARIE.VREEMD|DMEERV.EIRANAK|4b414e415249455f565245454d44|$number|\b1618-03-/i;

# SQLsmith takes polymorphic types for types; a NULL must be of a real one.
my %concrete = (anyarray => 'integer[]', anyenum => 'beesel.kleur', anyrange => 'int4range', anymultirange => 'int4multirange',
	anycompatiblearray => 'integer[]', anycompatiblerange => 'int4range', anycompatiblemultirange => 'int4multirange');

# made_up ROLE, SEED, WANTED: that many statements.
sub made_up
{
	my ($role, $number, $wanted) = @_;
	my ($out, $err);

	IPC::Run::run([
			'sqlsmith', '--target=' . $node->connstr('postgres') . " user=$role", '--dry-run', '--exclude-catalog',
			"--max-queries=$wanted", "--seed=$number" ], '>', \$out, '2>', \$err);
	$out =~ s/\bas (any\w+)\b/'as ' . ($concrete{$1} || 'integer')/ge;
	return grep { /\S/ } split /;\s*\n/, $out;
}

# run_as ROLE, STATEMENTS: what psql showed.  Each statement has a transaction of its own.
sub run_as
{
	my ($role, $before, @statements) = @_;
	my $script = join '', map { "\\echo == $_\nBEGIN;\n$before\n$statements[$_]\n;\nROLLBACK;\n" } 0 .. $#statements;
	my ($out);

	local $ENV{PGOPTIONS} = '-c statement_timeout=200ms -c search_path=public,casus';
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr('postgres') . " user=$role" ], '<', \$script, '>&', \$out);
	return $out;
}

my %seen;

# try_role ROLE, STATEMENTS, BEFORE, FOREIGN: no result shows what matches FOREIGN.
sub try_role
{
	my ($role, $wanted, $before, $foreign) = @_;
	my ($run, $answered, $refused, @bad) = (0, 0, 0);

	for (my $part = 0; $run < $wanted; $part++)
	{
		my @statements = made_up($role, $seed + $part, $chunk);
		my %answers;

		BAIL_OUT("sqlsmith made no statement for $role") if !@statements;
		%answers = run_as($role, $before, @statements) =~ /^== (\d+)\n(.*?)(?=^== |\z)/msg;
		$run += @statements;
		while (my ($number, $answer) = each %answers)
		{
			$answered++ if $answer !~ /ERROR:/;
			$refused++ if $answer =~ /casus|protocol/;
			$seen{$role}++ if $answer =~ /KANARIE_EIGEN/;
			push @bad, $statements[$number] . "\n" . $answer if $answer =~ $foreign;
		}
		# A run that is stopped has told how far it came.
		note("$role: $run statements so far, foreign canary in " . @bad) if $part % 5 == 4;
	}
	is(scalar @bad, 0, "$role: no foreign canary in what $run statements answer");
	diag("$bad[0]") if @bad;
	diag("counted: $role: $run statements, $answered without an error, $refused refused by casus, own canary in " . ($seen{$role} // 0));
	return $answered;
}

my $from = -s $node->logfile;
my $answered = try_role('bs_handhaving', $count * 4 / 5, "SELECT casus.enter('overleg', $overleg) \\g /dev/null", $foreign);
cmp_ok($answered, '>', $count / 20, 'the reader gets answers, too');
ok($seen{bs_handhaving}, 'and sees the rows of his own dossier');
try_role('postgres', $count / 5, '', qr/$foreign|KANARIE_|EIRANAK/i);

$node->safe_psql('postgres', 'SELECT 1');
my $log = slurp_file($node->logfile, $from);
unlike($log, qr/terminated by signal|PANIC|server process .* exited/, 'no crash');
unlike($log, qr/KANARIE_VREEMD \d|$number/, 'no foreign canary in the log of the server');

$node->stop;
done_testing();
