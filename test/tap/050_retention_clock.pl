# Art. 11.2 Beesel, by the clock at read time and without any worker: for six
# months after the decision to close coordinator and casusregisseur [B-42], then
# the coordinator alone [B-43], after a year nobody.  libfaketime moves the
# clock of the server under sessions that stay open.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');
plan skip_all => 'libfaketime is not installed' unless $library;

my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';

# Offsets of Amsterdam are given with the time, so that the zone of the test does not matter.
sub set_clock { append_to_clock("\@$_[0]"); return; }

sub append_to_clock
{
	my ($text) = @_;
	open my $file, '>', "$clock.new" or die $!;
	print $file "$text\n";
	close $file;
	rename "$clock.new", $clock or die $!;
	return;
}

set_clock('2026-02-20 09:00:00');
my $node;
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
	local $ENV{FAKETIME_NO_CACHE} = 1;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	local $ENV{TZ} = 'UTC';
	$node = CasusTest::start('main');
}
is($node->safe_psql('postgres', 'SELECT now()::date'), '2026-02-20', 'the clock of the server is ours');

CasusTest::fixture($node, 'beesel');
my $dossier = $node->safe_psql('postgres', q{SELECT dossier FROM beesel.fixture WHERE name = 'overleg'});

sub as { my ($role, $sql) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]); }

my $present = '"aanwezig": ["H. Handhaver", "B. Belasting"]';
as('bs_coordinator', qq{
	SELECT casus.decide($dossier, 'casus', 'casus', 'ondermijning', '{"toelichting": "een casus", $present}');
	SELECT casus.decide($dossier, 'plan', 'vastgesteld', 'plan',
		'{"plan": "sluiting", "bevoegdheden": ["opiumwet_13b"], "gegevensuitwisseling": "onderling", $present}');
	SELECT casus.advance($dossier, 'regie');
});

# The term runs from the decision to close [B-41] [B-88]: from the first one of those that say the same, also when it is
# carried out later; a decision to go on stands between.  A decision to close that waits is a finding.
my $close = qq{SELECT casus.decide($dossier, 'afsluiten', 'afsluiten', 'gereed', '{"toelichting": "gesloten", "te_verstrekken": "niets", $present}')};
my $scale_up = qq{SELECT casus.decide($dossier, 'opschaling', 'opschalen', 'riec', '{"toelichting": "riec", "te_verstrekken": "alles", $present}')};
sub waits
{
	my ($role) = @_;
	return as($role // 'auditor', q{SELECT coalesce(string_agg(finding, '; '), 'none') FROM casus.doctor() WHERE code = 'dossier_not_ended'});
}
$node->safe_psql('postgres', 'CREATE ROLE auditor LOGIN IN ROLE casus_auditor; CREATE ROLE beheer LOGIN IN ROLE casus_admin');
is(waits(), 'none', 'nothing is decided');
as('bs_coordinator', $close);
is(waits(), 'none', 'decided to be closed today: not late yet');
set_clock('2026-02-21 09:00:00');
like(waits(), qr/^Dossier $dossier of .* gate afsluiten .* since 2026-02-20, .* phase regie/, 'decided to be closed, and not closed: doctor tells');
is(waits($_), 'File ondermijning: gates have decided that dossiers end (1 of those that you may not know of), and they have not ended, read as before.', "... $_ how many") for qw(beheer postgres);
set_clock('2026-02-25 09:00:00');
as('bs_coordinator', qq{SELECT casus.decide($dossier, 'afsluiten', 'voortzetten', 'toch niet', '{"toelichting": "nog niet", $present}')});
is(waits(), 'none', 'decided to go on');
set_clock('2026-03-02 09:00:00');
as('bs_coordinator', $close);
set_clock('2026-03-05 09:00:00');
as('bs_coordinator', $close);
like(waits(), qr/since 2026-03-02, /, 'decided again the same: since the first time');
like(as('bs_coordinator', "BEGIN; $scale_up; SELECT casus.advance($dossier, 'opschaling'); SELECT 'clock ' || clock FROM casus.dossier WHERE id = $dossier; ROLLBACK"),
	qr/^clock 2026-03-05$/m, 'another gate that ends it begins the term on its own day');
as('bs_coordinator', "SELECT casus.close_dossier($dossier, 'gereed')");
is(waits(), 'none', 'closed: nothing waits');
is(as('bs_coordinator', "SELECT clock FROM casus.dossier WHERE id = $dossier"), '2026-03-02', 'and its term runs from the first decision');
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the dossier is closed');

# Rows read for purpose afsluiten, or the code of the refusal.
sub reads
{
	my ($role) = @_;
	my $sql = "BEGIN; SELECT casus.enter('afsluiten', $dossier); SELECT 'rows ' || count(*) FROM beesel.notitie; COMMIT";
	my ($code) = CasusTest::refusal($node, $sql, user => $role);
	return $code if $code;
	my ($rows) = as($role, $sql) =~ /rows (\d+)/;
	return $rows;
}

# What casus' own views tell of the dossier: who took part, what was decided.
sub knows
{
	my ($role) = @_;
	return as($role, "SELECT (SELECT count(*) > 0 FROM casus.dossier WHERE id = $dossier), "
		  . "(SELECT count(*) > 0 FROM casus.decision WHERE dossier = $dossier), "
		  . "(SELECT count(*) > 0 FROM casus.participant WHERE dossier = $dossier)");
}

sub at
{
	my ($when, $coordinator, $regisseur, $what) = @_;
	set_clock($when);
	is(knows('bs_regisseur'), $regisseur =~ /^\d+$/ ? 't|t|t' : 'f|f|f', "$when UTC, casusregisseur knows of it while he reads: $what");
	is(reads('bs_coordinator'), $coordinator, "$when UTC, coordinator: $what");
	is(reads('bs_regisseur'), $regisseur, "$when UTC, casusregisseur: $what");
	return;
}

at('2026-03-05 12:00:00', 2, 2, 'directly after closing');
is(reads('bs_handhaving'), 'casus.wrong_purpose', 'an afgevaardigde reads nothing after closing [B-42]');
is(knows('bs_handhaving'), 'f|f|f', 'nor does he learn what became of it [B-38] [B-42]');

# The decision that closed it can be revoked until the end of the next day in Amsterdam.
my $closing = as('bs_coordinator', "SELECT max(act) FROM casus.decision WHERE dossier = $dossier AND gate = 'afsluiten'");
my $revoke = "BEGIN; SELECT casus.revoke_decision($closing, 'toch niet'); ROLLBACK";
set_clock('2026-03-06 22:57:30');
is(as('bs_coordinator', $revoke) =~ /\d/, 1, 'the last minutes of the next day: the closing decision can be revoked');
set_clock('2026-03-06 23:00:30');
is((CasusTest::refusal($node, $revoke, user => 'bs_coordinator'))[0], 'casus.wrong_phase', 'and not afterwards');

# A session that stays open while the clock goes on: the next statement is bound.
my $open = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'bs_regisseur' ]);
$open->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT casus.enter('afsluiten', $dossier)");
$open->query_safe('PREPARE read AS SELECT count(*) FROM beesel.notitie');
is($open->query_safe('EXECUTE read'), '2', 'an open session reads');

# "gedurende 6 months": through 2 September, Amsterdam (UTC+2 in summer).
at('2026-09-02 21:57:30', 2, 2, 'the last minutes of the six months [B-42]');
is($open->query_safe('EXECUTE read'), '2', 'the open session still reads');
set_clock('2026-09-02 22:00:30');
is($open->query_safe('EXECUTE read'), '0', 'the open session reads nothing once the six months are over');
$open->quit;
at('2026-09-02 22:00:30', 2, 'casus.not_involved', 'archived [B-43]');
is(knows('bs_coordinator'), 't|t|t', 'the coordinator knows of it to the end');

# "uiterlijk 1 year": gone on 2 March, from midnight in Amsterdam (UTC+1 in winter).
set_clock('2027-03-01 22:57:30');
is(reads('bs_coordinator'), 2, 'the last minutes of the year: the coordinator reads [B-43]');
as('bs_coordinator', "SELECT casus.break_glass('brand', $dossier, '2 hours')");
is(as('bs_coordinator', 'SELECT count(*) FROM beesel.notitie'), 2, 'by break-glass all of it is read');
set_clock('2027-03-01 23:00:30');
is(as('bs_coordinator', 'SELECT count(*) FROM beesel.notitie'), 0, 'break-glass does not open what retention has ended');
is(reads('bs_coordinator'), 'casus.not_involved', 'after a year nobody reads, worker or no worker: as a dossier that is not there');
my ($code) = CasusTest::refusal($node, 'SELECT count(*) FROM beesel.notitie');
is($code, 'casus.no_purpose', 'nor does a superuser');
my ($gone, $missing) = map { [ CasusTest::refusal($node, "SELECT casus.break_glass('brand', $_, '2 hours')", user => 'bs_coordinator') ] } $dossier, 999999;
isnt($gone->[0], '', 'break-glass on a dossier whose retention has ended is refused, ...');
is_deeply($gone, $missing, '... as on one that is not there');
set_clock('2027-03-02 01:00:30');
($code) = CasusTest::refusal($node, 'SELECT count(*) FROM beesel.notitie', user => 'bs_coordinator');
is($code, 'casus.no_purpose', 'the break-glass is over by the clock');

$node->stop;
done_testing();
