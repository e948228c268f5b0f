# Acts on a hot standby and in a read-only transaction: refused by casus, with one code and what to do; what only reads works.
# [P-49]
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $primary = CasusTest::start('primary', init => { allows_streaming => 1 });
CasusTest::fixture($primary, 'coor');
$primary->safe_psql('postgres', q{
	CREATE ROLE auditor LOGIN IN ROLE casus_auditor;
	CREATE TABLE zaak (id integer PRIMARY KEY, titel text NOT NULL);
	CREATE TABLE los (id integer PRIMARY KEY, titel text NOT NULL);
	INSERT INTO zaak VALUES (1, 'een');
	GRANT SELECT, INSERT ON zaak TO coordinator;
	SELECT casus.protect('zaak', 'beesel', opens_dossier => true, category => 'registratie')});
$primary->safe_psql('postgres', q{CALL casus.take_in('zaak', phase => '''intake''', opened => '''2026-01-01''')});
$primary->safe_psql('postgres', q{SELECT casus.bind('zaak', 'enforce')});
my $dossier = $primary->safe_psql('postgres', q{BEGIN; SELECT casus.enter('intake') \g /dev/null
SELECT casus.dossier_of(casus_label) FROM zaak}, extra_params => [ '-U', 'coordinator' ]);

# Every act with arguments that it would not refuse before it writes.
my %act = (
	postgres => [
		q{SELECT casus.install_protocol('rotterdam')}, q{SELECT casus.protect('los', 'beesel', opens_dossier => true, category => 'registratie')},
		q{SELECT casus.bind('zaak', 'observe')}, q{SELECT casus.set_subject_column('zaak', 'titel')}, q{SELECT casus.unprotect('zaak', 'x')},
		q{CALL casus.take_in('zaak')}, q{SELECT casus.open_file('beesel-2021', 'twee')}, q{SELECT casus.set_parameter('beesel', 'standaarden', '"x"')},
		q{SELECT casus.activate_protocol('beesel', 'x')}, q{SELECT casus.add_party('beesel', 'p')}, q{SELECT casus.end_membership('beesel', 'bestuurlijke_handhaving')},
		q{SELECT casus.add_person('Bert')}, q{SELECT casus.bind_person('Coor', 'coordinator')}, q{SELECT casus.set_oath('Coor', '2020-01-01')},
		q{SELECT casus.appoint('Coor', 'beesel', NULL, 'coordinator', reason => 'x')}, q{SELECT casus.deputise(1, 'Coor')}, q{SELECT casus.end_appointment(1)},
		q{SELECT casus.maintenance('zaak', 'x')}, qq{SELECT casus.break_glass('x', $dossier)}, q{SELECT casus.break_glass('x', 'zaak', '1', '1 hour')},
		q{SELECT casus.end_opening(1)}, q{SELECT casus.skip_log('x')} ],
	coordinator => [
		q{SELECT casus.open_dossier('beesel')}, qq{SELECT casus.decide($dossier, 'intake', 'signaal')}, q{SELECT casus.revoke_decision(1, 'x')},
		qq{SELECT casus.advance($dossier, 'zwaarte')}, qq{SELECT casus.close_dossier($dossier)}, qq{SELECT casus.involve($dossier, party => 'bestuurlijke_handhaving')},
		qq{SELECT casus.end_involvement($dossier, party => 'bestuurlijke_handhaving')}, qq{SELECT casus.share($dossier, '{1}', '{bestuurlijke_handhaving}')},
		qq{SELECT casus.unshare($dossier, '{1}', '{bestuurlijke_handhaving}')}, qq{SELECT casus.move('zaak', '1', '$dossier', 'x')},
		qq{SELECT casus.break_glass('x', $dossier)}, qq{SELECT casus.inspect($dossier, 'x')}, q{SELECT casus.inspect('zaak', '1', 'x', '1 hour')},
		q{SELECT casus.review_break_glass(1, 'justified', 'x')} ],
	auditor => [q{SELECT casus.record_control('2026-01-01', '2026-02-01', '{1}', 'no_findings', 'x')}]);
# A document may be looked at anywhere; the rest of load_protocol is that of install_protocol.  rotate_log_key and purge_log
# are about the log of the node.
my @others = qw(load_protocol rotate_log_key purge_log enter leave checklist why my_purposes explain_access dossier_of verify_log log_anchor log_piece
	who_saw who_saw_subject seen_by affected affected_subjects doctor sees_whole_log);
my $known = join '|', @others, map { /casus\.(\w+)/ } map { @$_ } values %act;
is($primary->safe_psql('postgres', qq{SELECT string_agg(proname, ', ') FROM pg_proc WHERE pronamespace = 'casus'::regnamespace AND provolatile = 'v' AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'sql') AND proname !~ '^($known)\$'}),
	'', 'every act is tried here');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub said
{
	my ($node, $user, $sql) = @_;
	my $error;
	$node->psql('postgres', $sql, stderr => \$error, extra_params => [ '-U', $user, '-v', 'VERBOSITY=verbose' ]);
	my @parts = ($error =~ /ERROR:\s+(\w{5}): (.*)/, $error =~ /HINT:\s+(.*)/, $error =~ /CONSTRAINT NAME:\s+(.*)/);
	return join '|', map { $_ // '' } @parts;
}

my $there = '25006|this server is a hot standby, on which nothing is changed|Do it on the primary: what is done there arrives here by itself.|casus.read_only';
my $here = '25006|nothing is changed in a read-only transaction|ROLLBACK; BEGIN READ WRITE;|casus.read_only';
for my $user (sort keys %act)
{
	for my $sql (@{ $act{$user} })
	{
		is(said($standby, $user, $sql), $there, "on a standby: $sql");
		is(said($primary, $user, "BEGIN READ ONLY; $sql"), $here, "read-only: $sql") unless $sql =~ /^CALL/;
	}
}
is(said($primary, 'postgres', q{SET default_transaction_read_only = on; CALL casus.take_in('zaak')}), $here, q{read-only: CALL casus.take_in('zaak')});

# What is tried there is on record there, and reading goes on.
is($standby->safe_psql('postgres', q{BEGIN; SELECT casus.enter('intake') \g /dev/null
SELECT count(*) FROM zaak}, extra_params => [ '-U', 'coordinator' ]), '1', 'who enters on a standby reads');
is($standby->safe_psql('postgres', q{SELECT count(*) > 0 FROM casus.access_log WHERE kind = 'attempt' AND text = 'decide' AND role = 'coordinator'}, extra_params => [ '-U', 'auditor' ]), 't', 'the attempt is on record there');
# Of every act, whoever may do it.  break_glass and inspect are refused for another reason where the row is named.
is($standby->safe_psql('postgres', q{SELECT string_agg(DISTINCT split_part(text, ':', 1), ', ' ORDER BY split_part(text, ':', 1)) FROM casus.access_log
	WHERE kind = 'attempt' AND node = (SELECT node FROM casus.log_nodes() WHERE is_this) AND text ~ '^(break_glass|end_opening|maintenance|inspect|skip_log)'}, extra_params => [ '-U', 'auditor' ]),
	'break_glass, end_opening, inspect, maintenance, skip_log', '... as are break-glass, its end, inspection and maintenance');
is($standby->safe_psql('postgres', q{SELECT casus.protect('los', 'beesel', opens_dossier => true, category => 'registratie', dry_run => true) IS NOT NULL LIMIT 1}), 't', 'a dry run looks only');

done_testing();
