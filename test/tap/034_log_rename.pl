# Renaming a database takes nothing out of its access log, and is on record.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

# Nothing is loaded of itself before the database has its other name.
my $node = CasusTest::start('main', conf => "casus.log_load_interval = 3600\n");
sub sql { my ($sql, $user, $database) = @_; return $node->safe_psql($database // 'postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }
sub attempt { my ($database, $code) = @_; return sql("DO \$\$ BEGIN PERFORM casus.open_file('$code', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$", 'iemand', $database) }
sub shown { my ($database) = @_; return sql(q{SELECT count(*) FROM casus.access_log WHERE role = 'iemand' AND code <> 'access_log'}, 'auditor', $database) }

sql('CREATE ROLE auditor LOGIN IN ROLE casus_auditor; CREATE ROLE iemand LOGIN; CREATE ROLE eigenaar LOGIN CREATEDB');
sql('CREATE DATABASE zaken OWNER eigenaar');
sql('CREATE EXTENSION casus', 'postgres', 'zaken');
attempt('zaken', 'voor');
my $each = shown('zaken');
cmp_ok($each, '>', 0, 'what somebody tried is on record');
sql('ALTER DATABASE zaken RENAME TO anders', 'eigenaar');
is(shown('anders'), $each, 'what came before it was renamed is shown under its other name');
attempt('anders', 'onder');
is(shown('anders'), 2 * $each, '... and what came after');
sql('ALTER DATABASE anders RENAME TO zaken', 'eigenaar');
is(shown('zaken'), 2 * $each, 'both are shown when it has its name again');
is(sql(q{SELECT string_agg(text, '; ' ORDER BY seq) FROM casus.access_log WHERE kind = 'attempt' AND role = 'eigenaar'}, 'auditor'),
	'ALTER DATABASE zaken RENAME TO anders; ALTER DATABASE anders RENAME TO zaken', 'renaming is on record, where it was asked for');
is(shown('postgres'), '0', '... and another database shows nothing of it');

# From the segments into the tables.
sql('ALTER DATABASE zaken RENAME TO anders', 'eigenaar');
attempt('anders', 'onder');
sql('ALTER DATABASE anders RENAME TO zaken', 'eigenaar');
sql(q{ALTER SYSTEM SET casus.log_load_interval = 1});
sql('SELECT pg_reload_conf()');
$node->restart;
attempt('zaken', 'na');
my $last = sql('SELECT seq FROM casus.log_anchor()', 'auditor');
ok(CasusTest::wait_until(sub { sql('SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this', 'auditor', 'zaken') >= $last - 1 }), 'the loader has come behind it');
is(shown('zaken'), 4 * $each, '... and has put in what is on record under either name, each once');

done_testing();
