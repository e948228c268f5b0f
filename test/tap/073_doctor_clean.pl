# casus.doctor() on a server that is set up as README.md says has no finding but notes: what stands there is there to be mended.
use strict;
use warnings;

use CasusTest;
use PostgreSQL::Test::Utils;
use Test::More;

# The key of the log on another file system than the log.
my $shm = '/dev/shm';
plan skip_all => 'no second file system' unless -d $shm && -w $shm && (stat $shm)[0] != (stat PostgreSQL::Test::Utils::tempdir())[0];
my $keys = PostgreSQL::Test::Utils::tempdir_short() =~ s{.*/}{$shm/}r . '.casus';
mkdir $keys, 0700 or die $!;

my $node = CasusTest::start('main', init => { allows_streaming => 'logical' }, conf => "wal_level = replica\nfsync = on\nlog_statement = none\ncasus.log_key_file = '$keys/main'\ncasus.log_load_interval = 1\n");
my $data = $node->data_dir;

sub sql { my ($sql, $user) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }

sql(q{
	CREATE ROLE carla LOGIN; CREATE ROLE rob LOGIN; CREATE ROLE fred LOGIN IN ROLE casus_auditor; CREATE ROLE beheer LOGIN IN ROLE casus_admin;
	CREATE ROLE backup LOGIN BYPASSRLS IN ROLE casus_backup;
	GRANT pg_read_all_data TO backup;
	CREATE ROLE standby LOGIN REPLICATION;
	CREATE ROLE openzaak;
	CREATE ROLE app LOGIN IN ROLE openzaak;
	GRANT openzaak TO beheer;
	CREATE SCHEMA zaken AUTHORIZATION openzaak;
	SET ROLE openzaak;
	CREATE TABLE zaken.zaak (nr integer PRIMARY KEY, type integer NOT NULL, titel text NOT NULL, start date NOT NULL, eind date);
	CREATE TABLE zaken.betrokkene (id integer PRIMARY KEY, zaak_nr integer NOT NULL REFERENCES zaken.zaak DEFERRABLE INITIALLY DEFERRED, bsn text, naam text NOT NULL);
	INSERT INTO zaken.zaak SELECT n, n % 3, 'zaak ' || n, '2026-01-01', NULL FROM generate_series(1, 30) n;
	INSERT INTO zaken.betrokkene SELECT n, n, n, 'naam ' || n FROM generate_series(1, 30) n;
	GRANT USAGE ON SCHEMA zaken TO carla, rob;
	GRANT SELECT, INSERT, UPDATE ON zaken.zaak, zaken.betrokkene TO carla, rob;
	CREATE FUNCTION zaken.stempel() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.titel := trim(NEW.titel); RETURN NEW; END$$;
	CREATE TRIGGER stempel BEFORE INSERT OR UPDATE ON zaken.zaak FOR EACH ROW EXECUTE FUNCTION zaken.stempel();
	RESET ROLE;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'ondermijning');
	SELECT casus.activate_protocol('ondermijning', 'DPIA 2026/2', '{"startdatum": "2021-12-14", "standaarden": []}');
	SELECT casus.add_person('Carla', 'carla', oath_on => '2021-03-01');
	SELECT casus.add_person('Rob', 'rob', oath_on => '2021-03-01');
	SELECT casus.add_person('Fred', 'fred', oath_on => '2021-03-01');
	SELECT casus.appoint('Carla', 'ondermijning', NULL, 'coordinator', reason => 'besluit college 12');
	SELECT casus.appoint('Rob', 'ondermijning', NULL, 'coordinator', reason => 'besluit college 13');
	SELECT casus.appoint('Fred', 'ondermijning', NULL, 'fg', reason => 'besluit college 14');
	SELECT casus.protect('zaken.zaak', 'ondermijning', opens_dossier => true, governs => 'type = 2', category => 'signaalomschrijving');
	SELECT casus.protect('zaken.betrokkene', 'ondermijning', via => 'zaak_nr', category => 'personalia', subject_category => 'subject', subject_column => 'bsn')});
sql(q{CALL casus.take_in('zaken.zaak', phase => $$'intake'$$, opened => 'start')});
sql(q{CALL casus.take_in('zaken.betrokkene')});
sql(q{SELECT casus.bind(t, m) FROM unnest('{observe,enforce}'::text[]) m, unnest('{zaken.zaak,zaken.betrokkene}'::regclass[]) t});
sql(q{SELECT casus.log_anchor()}, 'fred');
sql(q{SELECT pg_create_physical_replication_slot('standby')});

# As a distribution makes it, with the standby and the application named.
unlink "$data/pg_hba.conf";
append_to_file("$data/pg_hba.conf", <<'HBA');
local all all peer map=tests
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
local replication all peer
host replication all 127.0.0.1/32 scram-sha-256
host replication all ::1/128 scram-sha-256
hostssl zaken app 10.0.0.3/32 scram-sha-256
hostssl replication standby 10.0.0.2/32 scram-sha-256
HBA
append_to_file("$data/pg_ident.conf", "tests /^.*\$ $_\n") for qw(postgres fred beheer carla backup);
$node->reload;
$node->poll_query_until('postgres', 'SELECT true');

for my $who (qw(postgres fred beheer))
{
	is(sql(q{SELECT severity, code, finding FROM casus.doctor() WHERE severity <> 'note'}, $who), '', "nothing but notes to $who");
}
is(sql(q{SELECT string_agg(DISTINCT code, ' ') FROM casus.doctor() WHERE code IN ('superuser', 'replication', 'replication_slot', 'hba_replication', 'second_person', 'user_trigger')}),
	'hba_replication replication replication_slot second_person superuser user_trigger', 'what has to be known is noted');

# What is more than that warns again.
sql(q{CREATE ROLE nog_een SUPERUSER LOGIN});
is(sql(q{SELECT string_agg(severity || ' ' || substring(finding FROM 'Role (\w+)'), ', ' ORDER BY finding) FROM casus.doctor() WHERE code = 'superuser'}),
	'warning nog_een, warning postgres', 'two superusers that can log in are one too many');
sql(q{SELECT casus.maintenance('zaken.zaak', 'test');
	CREATE OR REPLACE FUNCTION zaken.stempel() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_notify('x', NEW.titel); RETURN NEW; END$$});
is(sql(q{SELECT severity FROM casus.doctor() WHERE code = 'user_trigger'}), 'warning', 'so is a trigger that sends something');
$node->stop;
unlink glob "$keys/*";
rmdir $keys;
done_testing();
