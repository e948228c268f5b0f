# F-logical-apply: a superuser makes the worker of a subscription, which meets
# no hook, write the state of casus (a granted break-glass) or empty a
# protected table.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $pub = CasusTest::start('publisher', preload => 0, init => { allows_streaming => 'logical' });
my $sub = CasusTest::start('subscriber', init => { allows_streaming => 'logical' }, conf => "wal_retrieve_retry_interval = 200ms\n");

my $table = 'CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text)';
$pub->safe_psql('postgres', qq{
	$table;
	INSERT INTO zaak VALUES (1, 1, 'een');
	CREATE PUBLICATION zaken FOR TABLE zaak;
	CREATE SCHEMA casus_cat;
	CREATE TABLE casus_cat.opening (act bigint PRIMARY KEY, role_name text);
	CREATE TABLE casus_cat.act_content (act bigint PRIMARY KEY);
	INSERT INTO casus_cat.opening VALUES (7, 'x');
	CREATE PUBLICATION state FOR TABLE casus_cat.opening, casus_cat.act_content;
});
my $from = $pub->connstr . ' dbname=postgres';
$sub->safe_psql('postgres', qq{
	$table;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'ond');
	SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8');
	SELECT casus.bind('zaak', 'enforce');
});

# Does the log of the subscriber say this, from where it was?
my $at = 0;

sub log_says
{
	my ($pattern, $what) = @_;

	return pass($what) if CasusTest::wait_until(sub { substr(slurp_file($sub->logfile), $at) =~ $pattern });
	diag(substr(slurp_file($sub->logfile), $at));
	return fail($what);
}

# The statement that names the state as what to fill.
for my $copy ('true', 'false')
{
	$pub->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('s_$copy', 'pgoutput')");
	my ($code) = CasusTest::refusal($sub, "CREATE SUBSCRIPTION s_$copy CONNECTION '$from' PUBLICATION state WITH (create_slot = false, copy_data = $copy)");
	is($code, 'casus.bypass', "F-logical-apply: a subscription to the state is refused, copy_data $copy");
}

# Where it was made while the library was not loaded, the worker itself is stopped.
$sub->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$sub->restart;
$sub->safe_psql('postgres', "CREATE SUBSCRIPTION later CONNECTION '$from' PUBLICATION state WITH (create_slot = false, slot_name = s_true, copy_data = false, enabled = false)");
$sub->append_conf('postgresql.conf', "shared_preload_libraries = 'casus'\n");
$sub->restart;
$at = -s $sub->logfile;
is((CasusTest::refusal($sub, 'ALTER SUBSCRIPTION later SET PUBLICATION state WITH (refresh = false)'))[0], 'casus.bypass', 'nor is it set anew');
is((CasusTest::refusal($sub, 'ALTER SUBSCRIPTION later ADD PUBLICATION zaken WITH (refresh = false)'))[0], 'casus.bypass', 'nor added to');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION later ENABLE');
is((CasusTest::refusal($sub, 'ALTER SUBSCRIPTION later REFRESH PUBLICATION WITH (copy_data = false)'))[0], 'casus.bypass', 'nor refreshed');
$pub->safe_psql('postgres', "INSERT INTO casus_cat.opening VALUES (8, 'mallory')");
log_says(qr/DETAIL: .*[Rr]elation opening belongs to casus/, 'F-logical-apply: a break-glass that another server sends is refused by the trigger of the state table');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION later DISABLE');
$sub->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_subscription WHERE pid IS NOT NULL') or die 'the worker does not end';
$pub->poll_query_until('postgres', q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 's_true'}) or die 'the slot stays in use';
$pub->safe_psql('postgres', "SELECT pg_drop_replication_slot('s_true'); SELECT pg_create_logical_replication_slot('s_true', 'pgoutput')");
$at = -s $sub->logfile;
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION later ENABLE');
$pub->safe_psql('postgres', 'TRUNCATE casus_cat.act_content');
log_says(qr/DETAIL: .*[Rr]elation act_content belongs to casus/, 'F-logical-apply: and so is TRUNCATE');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION later DISABLE; ALTER SUBSCRIPTION later SET (slot_name = NONE); DROP SUBSCRIPTION later');

# TRUNCATE of a protected table.
$sub->safe_psql('postgres', "CREATE SUBSCRIPTION zaken CONNECTION '$from' PUBLICATION zaken");
ok($sub->poll_query_until('postgres', "SELECT count(*) = 1 FROM zaak WHERE casus.label_text(casus_label) = 'outside'"), 'a row comes in');
like($sub->safe_psql('postgres', "SELECT finding FROM casus.doctor() WHERE code = 'subscription'"), qr/Subscription zaken writes into the protected table public\.zaak/, 'doctor names the subscription');
$at = -s $sub->logfile;
$pub->safe_psql('postgres', 'TRUNCATE zaak');
log_says(qr/ERROR:.*replication would go past the protocol/, 'F-logical-apply: TRUNCATE by replication is refused');
is($sub->safe_psql('postgres', 'SELECT count(*) FROM zaak'), 1, 'the rows are there');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION zaken DISABLE');
$sub->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_subscription WHERE pid IS NOT NULL') or die 'the worker does not end';

# F-file: who changes the log itself, by the account of the server, is found out by the next record.
my $records = sub { scalar grep { ($_->{code} // '') eq 'log_changed' } CasusTest::log_records($sub) };
my $segment = sub { (CasusTest::log_segments($sub))[-1] };
my $refused = sub { CasusTest::refusal($sub, 'TRUNCATE zaak') };
$refused->();
is($records->(), 0, 'nobody else wrote to the log');
append_to_file($segment->(), '{"seq":99,"kind":"act"');
$refused->();
is($records->(), 1, 'F-file: a log that was added to says so');
like($sub->safe_psql('postgres', 'SELECT file, finding FROM casus.verify_log()'), qr/^0+1\.log\|.*what is here is none$/, '... and verify_log where');
truncate $segment->(), 0;
$refused->();
is($records->(), 1, 'F-file: the record of that is gone with a file that was emptied, and another one is made');
like((CasusTest::log_records($sub))[0]->{code} // '', qr/./, '... the log goes on');
unlink $segment->();
$refused->();
is($records->(), 1, 'F-file: so with a file that was removed');

done_testing();
