# casus.doctor(): what it finds outside of the database, in the server's
# configuration and files, and what only somebody could do while the library was
# not loaded.  Each finding is there when there is cause, and gone without.
use strict;
use warnings;

use CasusTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = CasusTest::start('main');
my $data = $node->data_dir;
my $hba = slurp_file("$data/pg_hba.conf");

# Severity and words of each finding of that code, one a line.
sub found
{
	my ($code, $before) = @_;

	return $node->safe_psql('postgres', ($before // '') . "SELECT severity || ': ' || finding FROM casus.doctor() WHERE code = '$code' ORDER BY 1");
}

sub finds
{
	my ($code, $pattern, $what, $before) = @_;

	like(found($code, $before), $pattern, "$code: $what");
	return;
}

sub finds_none
{
	my ($code, $what, $before) = @_;

	is(found($code, $before), '', "no $code: $what");
	return;
}

$node->safe_psql('postgres', q{
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'zorg');
	CREATE TABLE zaak (id int PRIMARY KEY, titel text);
	CREATE TABLE ander (id int PRIMARY KEY, titel text);
	SELECT casus.protect('zaak', 'zorg', opens_dossier => true, category => 'registratie');
	SELECT casus.protect('ander', 'zorg', opens_dossier => true, category => 'registratie');
	SELECT casus.bind('zaak', 'enforce'), casus.bind('ander', 'enforce');
});

# The client authentication file, which is read as it stands there.
sub hba
{
	my (@lines) = @_;

	unlink "$data/pg_hba.conf";
	append_to_file("$data/pg_hba.conf", join("\n", 'local all all peer', @lines, ''));
	return;
}

hba();
finds_none($_, 'where the file names good methods only') for qw(hba_trust hba_password hba_replication hba_error);
hba('host all all 10.0.0.0/8 trust');
finds('hba_trust', qr/\Acritical: Line 2 .* lets all into database all without a password \(host 10\.0\.0\.0\)\.\z/, 'from another machine');
hba('host all all 127.0.0.1/32 trust');
finds('hba_trust', qr/\Awarning: Line 2 .*\(host 127\.0\.0\.1\)\.\z/, 'from this one');
hba('host all app 10.0.0.0/8 md5', 'host all app 10.0.0.0/8 password', 'host all app 10.0.0.0/8 scram-sha-256');
finds('hba_password', qr/\Awarning: Line 2 .* takes md5 passwords\.\nwarning: Line 3 .* takes plain passwords\.\z/, 'md5 and password, not scram');
hba('host replication repl 10.0.0.0/8 scram-sha-256', 'local replication repl peer', 'host replication all 0.0.0.0/0 reject');
finds('hba_replication', qr/\Anote: Line 3 .* admits replication for repl \(local\)[^\n]*\nwarning: Line 2 .* for repl \(host 10\.0\.0\.0\)[^\n]*\z/, 'but not where it is rejected');
for my $line ('repl 10.0.0.2/32', 'repl fe80::1/128', 'repl standby1.example.org', 'repl samehost')
{
	hba("host replication $line scram-sha-256");
	finds('hba_replication', qr/\Anote: Line 2 [^\n]*\z/, "one role from one place: $line");
}
for my $line ('all 10.0.0.2/32', '+repl 10.0.0.2/32', 'repl,other 10.0.0.2/32', 'repl 10.0.0.2/31', 'repl .example.org', 'repl samenet', 'repl all')
{
	hba("host replication $line scram-sha-256");
	finds('hba_replication', qr/\Awarning: Line 2 [^\n]*\z/, "more than one: $line");
}
hba('host all all nowhere.. nonsense');
finds('hba_error', qr/\Anote: Line 2 .* has an error/, 'a line that is none');
unlink "$data/pg_hba.conf";
append_to_file("$data/pg_hba.conf", $hba);

# What the next start will load.
finds_none('preload_lost', 'as the server was started');
for my $value ('', 'casusx', 'pg_stat_statements')
{
	$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'$value'");
	finds('preload_lost', qr/\Acritical: /, "shared_preload_libraries = '$value'");
}
for my $value ('pg_stat_statements, casus', '$libdir/casus', '"casus"', 'casus.so')
{
	$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'$value'");
	finds_none('preload_lost', "shared_preload_libraries = '$value'");
}

# The directory of the access log.
my $directory = "$data/casus_log";
ok(-d $directory, 'the log has its directory');
finds_none($_, 'a directory of the server alone') for qw(log_directory log_readable);
chmod 0750, $directory or die $!;
finds('log_readable', qr/\Awarning: /, 'others may enter it');
chmod 0500, $directory or die $!;
finds('log_directory', qr/\Acritical: .*cannot be written/, 'it cannot be written');
chmod 0700, $directory or die $!;
finds_none('log_directory', 'mended');

# Its key file, which the writer has read and does not read again.
my $key_file = "$data.casus_log_key";
finds_none('log_key_lost', 'a key file as it must be');
chmod 0640, $key_file or die $!;
finds('log_key_lost', qr/\Acritical: .*not there or not as it must be/, 'others may read it');
chmod 0600, $key_file or die $!;
rename $key_file, "$key_file.away" or die $!;
finds('log_key_lost', qr/\Acritical: /, 'it is gone');
rename "$key_file.away", $key_file or die $!;
finds_none('log_key_lost', 'it is back');

# Logins and settings.
finds('fsync_off', qr/\Awarning: /, 'in a test');
$node->safe_psql('postgres', 'ALTER SYSTEM SET fsync = on');
$node->reload;
ok($node->poll_query_until('postgres', "SELECT current_setting('fsync') = 'on'"), 'fsync is on');
finds_none('fsync_off', 'mended');
finds('error_log', qr/\Anote: log_min_error_statement = error /, 'by default');
finds_none('error_log', 'where failed statements are not logged', 'SET log_min_error_statement = panic;');
finds('debug_print', qr/\Awarning: debug_print_$_ is on/, "debug_print_$_", "SET debug_print_$_ = on;") for qw(parse rewritten plan);
finds_none('debug_print', 'by default');
finds('library_path', qr/^note: dynamic_library_path is not the default/m, 'that of a test');
# Its functions are called before, since they are looked for along that path, from 18 on by their bare name.
unlike(found('library_path', q{SELECT FROM casus.doctor(); SET dynamic_library_path = '$libdir';}), qr/dynamic_library_path/, 'no library_path: the default');
finds('backup_missing', qr/\Awarning: /, 'no login may dump');
$node->safe_psql('postgres', 'CREATE ROLE bak LOGIN IN ROLE casus_backup');
finds('backup_missing', qr/\Awarning: /, 'one without BYPASSRLS cannot');
$node->safe_psql('postgres', 'ALTER ROLE bak BYPASSRLS NOLOGIN');
finds('backup_missing', qr/\Awarning: /, 'nor can a role that is no login');
$node->safe_psql('postgres', 'ALTER ROLE bak LOGIN');
finds_none('backup_missing', 'mended');
finds_none('person_bypasses', 'nobody does');
$node->safe_psql('postgres', q{CREATE ROLE super LOGIN SUPERUSER; CREATE ROLE past LOGIN BYPASSRLS; CREATE ROLE plain LOGIN;
	SELECT casus.add_person('S. Uper', 'super'), casus.add_person('P. Ast', 'past'), casus.add_person('G. Ewoon', 'plain')});
finds('person_bypasses', qr/\Awarning: Person P\. Ast [^\n]*\nwarning: Person S\. Uper [^\n]*\z/, 'superuser and BYPASSRLS');
finds_none('untrusted_language', 'by default');
$node->safe_psql('postgres', 'CREATE LANGUAGE wild HANDLER plpgsql_call_handler');
finds('untrusted_language', qr/\Awarning: Language wild is installed/, 'one that is not trusted');

# What holds from a start on.
finds_none($_, 'by default') for qw(log_relaxed wal_logical wal_archive log_file_mode no_ssl other_library);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'casus, pg_stat_statements, passwordcheck'
session_preload_libraries = '"auto_explain", pageinspect'
casus.log_durability = relaxed
wal_level = logical
max_wal_senders = 2
archive_mode = on
log_file_mode = 0640
listen_addresses = '127.83.67.83'
});
$node->restart;
finds('log_relaxed', qr/\Awarning: /, 'relaxed');
finds('wal_logical', qr/\Anote: wal_level = logical/, 'logical');
finds('wal_archive', qr/\Anote: archive_mode = on/, 'archive_mode');
finds('log_file_mode', qr/\Anote: log_file_mode = 0640/, '0640');
finds('no_ssl', qr/\Awarning: ssl is off/, 'on the network');
finds('other_library', qr/\Anote: Library pageinspect [^\n]*\(session_preload_libraries\)[^\n]*\nnote: Library passwordcheck [^\n]*\(shared_preload_libraries\)[^\n]*\z/, 'two, not those that are known');

finds_none('replication_slot', 'there is none');
$node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('kept')});
finds('replication_slot', qr/\Anote: Replication slot kept keeps WAL/, 'that of a standby');
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('kept')});
$node->safe_psql('postgres', 'CREATE_REPLICATION_SLOT kept LOGICAL test_decoding', replication => 'database');
finds('replication_slot', qr/\Awarning: Replication slot kept: logical decoding/, 'that of a subscriber');
$node->safe_psql('postgres', 'DROP_REPLICATION_SLOT kept', replication => 'database');

# What is done while the library is not loaded is found when it is again.
finds_none($_, 'as installed') for qw(owner_login state_hidden unmarked_role other_installation not_fenced later_trigger not_preloaded);
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\nsession_preload_libraries = ''\n");
$node->restart;
finds('not_preloaded', qr/\Acritical: The library was not preloaded/, 'it is not');
finds('preload_lost', qr/\Acritical: /, 'nor will it be');
$node->safe_psql('postgres', q{
	ALTER ROLE casus_owner LOGIN;
	ALTER TABLE casus_cat.linked ENABLE ROW LEVEL SECURITY;
	SET allow_system_table_mods = on;
	DELETE FROM pg_shseclabel WHERE objoid = 'casus_auditor'::regrole;
	UPDATE pg_seclabel SET label = regexp_replace(label, '"installation":"[^"]*"', '"installation":"00000000-0000-0000-0000-000000000001"')
		WHERE objoid = 'ander'::regclass AND label ~ 'installation';
	DROP POLICY casus ON zaak;
	CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER "~later" BEFORE UPDATE ON ander FOR EACH ROW EXECUTE FUNCTION later();
	CREATE TRIGGER "before" BEFORE UPDATE ON ander FOR EACH ROW EXECUTE FUNCTION later();
	CREATE TRIGGER "~~after" AFTER UPDATE ON ander FOR EACH ROW EXECUTE FUNCTION later();
});
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'casus'\n");
$node->restart;
finds_none($_, 'loaded again') for qw(not_preloaded preload_lost);
finds('owner_login', qr/\Acritical: Role casus_owner can log in/, 'it can');
finds('state_hidden', qr/\Acritical: Table casus_cat\.linked of casus has row security/, 'it has');
finds('unmarked_role', qr/\Acritical: Role casus_auditor bears no mark/, 'one of them');
finds('other_installation', qr/\Acritical: Table public\.ander belongs to another installation/, 'by its label');
finds('not_fenced', qr/\Acritical: Table public\.zaak is labelled but not fenced/, 'its policy is gone');
finds('later_trigger', qr/\Acritical: Trigger ~later of table public\.ander runs after the one of casus[^\n]*\z/, 'that one alone');

# A machine that lacks the time zone of the terms.
finds_none('time_zone', 'it is there');
$node->stop;
my $library = $node->basedir . '/nozone.so';
SKIP:
{
	skip 'no library can be built here', 1
		if system('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', $library, "$ENV{CASUS_SRC}/test/tap/nozone.c", '-ldl') != 0;
	{
		local $ENV{LD_PRELOAD} = $library;
		$node->start;
	}
	finds('time_zone', qr/\Acritical: The server does not know the time zone Europe\/Amsterdam/, 'its data lack it');
	$node->stop;
}
done_testing();
