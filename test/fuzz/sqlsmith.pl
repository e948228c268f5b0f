# Statements that SQLsmith makes up, run by a reader with a purpose and by a superuser without one: no row of a dossier
# that they may not see comes out, in a result, a message or the server's log, and the server does not crash.  Each
# dossier's rows bear a canary of their own.
# 10,000 statements, TEST_LONG=1: 200,000; FUZZ_STATEMENTS: that many; FUZZ_SEED repeats a run.  FUZZ_SECONDS: no more
# are made up after so long, and what has run is looked at.
use strict;
use warnings;

use List::Util qw(min);
use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

plan skip_all => 'NOT RUN: there is no sqlsmith (apt-get install sqlsmith)' if system('command -v sqlsmith >/dev/null');

my $seed = $ENV{FUZZ_SEED} // time % 1000000;
my $count = $ENV{FUZZ_STATEMENTS} || ($ENV{TEST_LONG} ? 200000 : 10000);
my $temp = PostgreSQL::Test::Utils::tempdir();
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
	GRANT SELECT ON beesel.overzicht, beesel.fixture TO PUBLIC;
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
			SELECT $dossier, 'signaalomschrijving', 'KANARIE_VREEMD $dossier ' || i FROM generate_series(1, 10) i;
		INSERT INTO beesel.zaak SELECT 577215664 + $dossier * 100 + i, 'signaal', $dossier, 'signaalomschrijving', 'KANARIE_VREEMD $dossier ' || i,
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

# The reader's statements are made up on a copy where he has no rights to what lies in a schema that he may not use, or
# four of ten would fail on its name.  Who is in the database, as the log's loader may be, keeps it from being copied.
my $copied;
for (1 .. 60) { last if ($copied = !$node->psql('template1', 'CREATE DATABASE made_up TEMPLATE postgres')) }
ok($copied, 'a copy to make statements up on');
$node->safe_psql('made_up', 'REVOKE ALL ON ALL TABLES IN SCHEMA casus_int FROM PUBLIC');

# What bears a canary of a foreign dossier: text as it is, in other letters, backwards or in hexadecimal; numbers; a date.
my $ids = join '|', map { my $first = 577215664 + $_ * 100; map { $first + $_ } 1 .. 10 } split /\n/, $dossiers;
my $number = qr/\b(?:$ids)\b|\b2718281828[45]\d\b|\b3141592[67]\d\b/;
my $foreign = qr/KANARIE.VREEMD|DMEERV.EIRANAK|4b414e415249455f565245454d44|$number|\b1618-03-/i;

# SQLsmith takes polymorphic types for types; a NULL must be of a real one.
my %concrete = (anyarray => 'integer[]', anyenum => 'beesel.kleur', anyrange => 'int4range', anymultirange => 'int4multirange',
	anycompatiblearray => 'integer[]', anycompatiblerange => 'int4range', anycompatiblemultirange => 'int4multirange');

# make_up ROLE, DATABASE, SEED, WANTED: begins to; made_up of that: the statements.  The next are made while the last are run.
sub make_up
{
	my ($role, $database, $number, $wanted) = @_;
	my $file = "$temp/$role-$number";
	my $run = IPC::Run::start([
			'sqlsmith', '--target=' . $node->connstr($database) . " user=$role", '--dry-run', '--exclude-catalog',
			"--max-queries=$wanted", "--seed=$number" ], '>', $file, '2>', '/dev/null');
	return { run => $run, file => $file };
}

sub made_up
{
	my ($making) = @_;

	$making->{run}->finish;
	my $out = slurp_file($making->{file});
	unlink $making->{file};
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
	IPC::Run::run([ 'psql', '-X', '-q', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') . " user=$role" ], '<', \$script, '>&', \$out);
	return $out;
}

# Who they are made up for, what stands before each, and what no answer may show.
my @roles = (
	{ name => 'bs_handhaving', made_on => 'made_up', wanted => int($count * 4 / 5), before => "SELECT casus.enter('overleg', $overleg) \\g /dev/null",
		foreign => $foreign },
	{ name => 'postgres', made_on => 'postgres', wanted => $count - int($count * 4 / 5), before => '', foreign => qr/$foreign|KANARIE_|EIRANAK/i });
for my $role (@roles) { $role->{$_} = 0 for qw(made run answered refused late own parts) }

# next_part: begins to make up the next statements, by turns in proportion; nothing where all are made.
sub next_part
{
	my ($role) = sort { $a->{made} / $a->{wanted} <=> $b->{made} / $b->{wanted} } @roles;
	my $wanted = min($chunk, $role->{wanted} - $role->{made});

	return if $wanted <= 0 || ($ENV{FUZZ_SECONDS} && time - $^T > $ENV{FUZZ_SECONDS});
	$role->{made} += $wanted;
	return { role => $role, wanted => $wanted, making => make_up(@$role{qw(name made_on)}, $seed + $role->{parts}++, $wanted) };
}

my $from = -s $node->logfile;
my $part = next_part();
while ($part)
{
	my ($role, @statements) = ($part->{role}, made_up($part->{making}));
	my %answers;

	BAIL_OUT("sqlsmith made no statement for $role->{name}") if !@statements;
	$role->{made} -= $part->{wanted} - @statements;
	$part = next_part();
	# By this one the canaries of one's own are seen in any case.
	push @statements, q{SET LOCAL statement_timeout = '180s'; SELECT inhoud, naam FROM beesel.overzicht} if $role->{run} == 0;
	%answers = run_as($role->{name}, $role->{before}, @statements) =~ /^== (\d+)\n(.*?)(?=^== |\z)/msg;
	$role->{run} += @statements;
	while (my ($number, $answer) = each %answers)
	{
		$role->{answered}++ if $answer !~ /ERROR:/;
		# By the code of the refusal, not by words: an error may name casus' objects and be none of its own.
		$role->{refused}++ if $answer =~ /^CONSTRAINT NAME:\s+casus\./m;
		$role->{late}++ if $answer =~ /statement timeout/;
		$role->{own}++ if $answer =~ /KANARIE_EIGEN/;
		push @{ $role->{bad} }, $statements[$number] . "\n" . $answer if $answer =~ $role->{foreign};
	}
	# A run that is stopped has told how far it came.
	note("$role->{name}: $role->{run} statements so far, foreign canary in " . @{ $role->{bad} // [] }) if $role->{parts} % 5 == 0;
}
for my $role (@roles)
{
	is(scalar @{ $role->{bad} // [] }, 0, "$role->{name}: no foreign canary in what $role->{run} statements answer");
	diag($role->{bad}[0]) if $role->{bad};
	cmp_ok($role->{run}, '>=', $role->{wanted} * 0.99, "$role->{name}: as many as wanted") if !$ENV{FUZZ_SECONDS};
	diag("counted: $role->{name}: $role->{run} statements, $role->{answered} without an error, $role->{refused} refused by casus, "
		. "$role->{late} out of time, own canary in $role->{own}");
}
cmp_ok($roles[0]{answered}, '>', $roles[0]{run} / 16, 'the reader gets answers, too');
ok(!$roles[1]{run} || $roles[1]{refused}, 'the superuser gets refusals');
ok($roles[0]{own}, 'and sees the rows of his own dossier');

$node->safe_psql('postgres', 'SELECT 1');
my (@crash, @shown, $lines);
open my $log, '<', $node->logfile or BAIL_OUT($!);
seek $log, $from, 0;
while (<$log>)
{
	$lines++;
	push @crash, $_ if /terminated by signal|PANIC|server process .* exited/;
	push @shown, $_ if /$foreign/;
}
diag("counted: log of the server: $lines lines");
is("@crash[0 .. min(9, $#crash)]", '', 'no crash');
is("@shown[0 .. min(9, $#shown)]", '', 'no foreign canary in the log of the server');

$node->stop;
done_testing();
