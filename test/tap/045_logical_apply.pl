# Logical replication into a protected table: rows outside the protocol come
# in, first copy and afterwards; a governed row stops the subscription, since
# the apply worker has no context, and so does a change of one that is there,
# which the worker finds past executor and policy; nobody's label comes along.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $pub = CasusTest::start('publisher', preload => 0, init => { allows_streaming => 'logical' });
my $sub = CasusTest::start('subscriber', init => { allows_streaming => 'logical' }, conf => "wal_retrieve_retry_interval = 200ms\ntrack_commit_timestamp = on\n");

my $table = 'CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text)';
$pub->safe_psql('postgres', "$table; INSERT INTO zaak VALUES (1, 1, 'een'); CREATE PUBLICATION zaken FOR TABLE zaak");
$sub->safe_psql('postgres', qq{
	$table;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'ond');
	CREATE ROLE coordinator LOGIN;
	SELECT casus.activate_protocol('ond', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}');
	SELECT casus.add_person('C. Coordinator', 'coordinator', oath_on => '2020-01-01');
	SELECT casus.appoint('C. Coordinator', 'ond', NULL, 'coordinator', reason => 'test');
	GRANT SELECT, INSERT, UPDATE ON zaak TO coordinator;
	SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'signaalomschrijving', without_purpose => 'hide');
	SELECT casus.bind('zaak', 'enforce');
});
my $from = $pub->connstr . ' dbname=postgres';
$sub->safe_psql('postgres', "CREATE SUBSCRIPTION zaken CONNECTION '$from' PUBLICATION zaken");

sub wait_for
{
	my ($sql, $what) = @_;

	ok($sub->poll_query_until('postgres', $sql), $what);
	return;
}

wait_for("SELECT count(*) = 1 FROM zaak WHERE casus.label_text(casus_label) = 'outside'", 'the first copy brings a row outside');
$pub->safe_psql('postgres', "INSERT INTO zaak VALUES (2, 1, 'twee'); UPDATE zaak SET titel = 'gewijzigd' WHERE id = 1");
wait_for("SELECT count(*) = 2 FROM zaak WHERE titel IN ('twee', 'gewijzigd')", 'so do INSERT and UPDATE');
$pub->safe_psql('postgres', 'DELETE FROM zaak WHERE id = 2');
wait_for('SELECT count(*) = 1 FROM zaak', 'and DELETE');

# A governed row.
my $at = -s $sub->logfile;
$pub->safe_psql('postgres', "INSERT INTO zaak VALUES (3, 8, 'geheim')");
ok($sub->poll_query_until('postgres', 'SELECT apply_error_count > 0 FROM pg_stat_subscription_stats'), 'a governed row stops the apply worker');
ok($sub->wait_for_log(qr/no purpose has been entered for this file/, $at), 'with the refusal');
my $log = substr(slurp_file($sub->logfile), $at);
unlike($log, qr/ERROR:[^\n]*geheim/, 'and not its data');
is($sub->safe_psql('postgres', 'SELECT count(*) FROM casus_int.protected'), 1, 'the subscriber answers');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION zaken DISABLE');
$sub->safe_psql('postgres', 'CREATE ROLE auditor LOGIN IN ROLE casus_auditor');
cmp_ok($sub->safe_psql('postgres', 'SELECT count(*) FROM casus.access_log WHERE kind = $$refusal$$ AND code = $$no_purpose$$', extra_params => [ '-U', 'auditor' ]),
	'>', 0, 'it is on record');

# The first copy of a governed row is refused likewise.
$sub->safe_psql('postgres', 'DROP SUBSCRIPTION zaken');
$sub->safe_psql('postgres', "DELETE FROM zaak; CREATE SUBSCRIPTION zaken CONNECTION '$from' PUBLICATION zaken");
ok($sub->poll_query_until('postgres', 'SELECT sync_error_count > 0 FROM pg_stat_subscription_stats'), 'a governed row stops the first copy');
is($sub->safe_psql('postgres', 'SELECT count(*) FROM zaak'), 0, 'and nothing of it stays');
$pub->safe_psql('postgres', 'DELETE FROM zaak WHERE soort = 8');
wait_for('SELECT count(*) = 1 FROM zaak', 'without it the subscription goes on');
wait_for("SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate <> 'r'", 'and is in step');
$sub->safe_psql('postgres', 'DROP SUBSCRIPTION zaken');

# What is sent about a governed row that is there, and what makes one of a row outside.  Who may see it tells how it stands.
# The server log shows neither row, which from version 18 on it would where a row here was not written by the publisher.
sub as_coordinator
{
	my ($sql) = @_;

	return $sub->safe_psql('postgres', "BEGIN; SELECT FROM casus.enter('intake'); $sql; COMMIT", extra_params => [ '-U', 'coordinator' ]);
}

as_coordinator("INSERT INTO zaak VALUES (10, 8, 'geheim tien')");
my $stands = sub { as_coordinator('SELECT id, soort, titel, casus.label_text(casus_label) = $$outside$$ FROM zaak ORDER BY id') };
my $before = $stands->();
is($before, "1|1|gewijzigd|t\n10|8|geheim tien|f", 'a governed row, and one outside');
for my $attack (
	[ 'UPDATE of a governed row', "UPDATE zaak SET titel = 'geheim anders' WHERE id = 10" ],
	[ 'UPDATE that takes it out of the protocol', 'UPDATE zaak SET soort = 1 WHERE id = 10' ],
	[ 'UPDATE of its key', 'UPDATE zaak SET id = 11 WHERE id = 10' ],
	[ 'DELETE of a governed row', 'DELETE FROM zaak WHERE id = 10' ],
	[ 'INSERT by the key of a governed row', "INSERT INTO zaak VALUES (10, 1, 'nieuw')", qr/duplicate key|conflict detected/, 'DELETE FROM zaak WHERE id = 10' ],
	[ 'UPDATE that makes a row outside governed', "UPDATE zaak SET soort = 8, titel = 'geheim een' WHERE id = 1" ])
{
	my ($what, $sql, $refused, $first) = @$attack;

	$pub->safe_psql('postgres', 'DELETE FROM zaak; INSERT INTO zaak VALUES (1, 1, $$gewijzigd$$), (10, 8, $$geheim tien$$); ' . ($first // ''));
	$sub->safe_psql('postgres', "CREATE SUBSCRIPTION zaken CONNECTION '$from' PUBLICATION zaken WITH (copy_data = false)");
	my $start = -s $sub->logfile;
	my $said = sub { substr(slurp_file($sub->logfile), $start) };
	$pub->safe_psql('postgres', $sql);
	ok(CasusTest::wait_until(sub { $said->() =~ /ERROR:/ }), "$what stops the apply worker");
	$refused //= qr/no purpose has been entered for this file/;
	like($said->(), qr/ERROR:[^\n]*$refused/, '... with the refusal');
	unlike($said->(), qr/geheim/, '... and not its data');
	is($stands->(), $before, '... and nothing has changed');
	$sub->safe_psql('postgres', 'DROP SUBSCRIPTION zaken');
}

# The other way: a protected table is not published.
my ($code) = CasusTest::refusal($sub, 'CREATE PUBLICATION zaken FOR TABLE zaak');
is($code, 'casus.copy_out', 'a protected table is not published');

done_testing();
