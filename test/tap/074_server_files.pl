# F-file: the server's files are those of its data directory, and those that
# stand elsewhere: the WAL, the tablespaces, the access log.  None is named by
# COPY, whatever the path.
use strict;
use warnings;

use CasusTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $base = PostgreSQL::Test::Utils::tempdir;
mkdir "$base/$_" or die $! for qw(log space other);
my $node = CasusTest::start(
	'main',
	init => { extra => [ '--encoding=UTF8', '--locale=C.UTF-8', "--waldir=$base/wal" ] },
	conf => "casus.log_directory = '$base/log'\n");

$node->safe_psql('postgres', "CREATE TABLE line (line text); CREATE TABLESPACE space LOCATION '$base/space'; CREATE TABLE far (id int) TABLESPACE space");
my ($far) = $node->safe_psql('postgres', "SELECT pg_relation_filepath('far')");
my ($segment) = $node->safe_psql('postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn())');
my ($within) = $far =~ m{^pg_tblspc/\d+/(.*)};

CasusTest::refusal($node, "COPY line FROM 'PG_VERSION'");
my ($log) = map { s{^\Q$base/log/\E}{}r } glob("$base/log/*/*.log");
ok(defined $log && -s "$base/log/$log", 'the log is elsewhere');
my $key = $node->data_dir . '.casus_log_key';
ok(-s $key, 'and its key');
ok(-e "$base/wal/$segment", 'so is the WAL');
ok(defined $within && -e "$base/space/$within", 'and a tablespace');
symlink "$base/log", "$base/other/link" or die $!;
for my $file ("$base/log/$log", "$base/log/new", "$base/other/link/$log", "$base/other/../log/$log", $key,
	"$base/wal/$segment", "pg_wal/$segment", "$base/wal/new", "$base/space/$within", "$base/space/new", $far, 'PG_VERSION')
{
	my $name = $file =~ s/^\Q$base\E/.../r;

	is((CasusTest::refusal($node, "COPY line FROM '$file'"))[0], 'casus.bypass', "COPY FROM $name");
	is((CasusTest::refusal($node, "COPY (SELECT 1) TO '$file'"))[0], 'casus.bypass', "COPY TO $name");
}
for my $file ("$base/other/new", "$base/logbook", "$base/space2")
{
	is((CasusTest::refusal($node, "COPY (SELECT 1) TO '$file'"))[1], '', 'another file: ' . ($file =~ s/^\Q$base\E/.../r));
}

# adminpack, which there is no more from 17 on: in every database of the server.
if ($node->pg_version->major < 17)
{
	$node->safe_psql('postgres', 'CREATE DATABASE kaal');
	for my $database ('postgres', 'kaal')
	{
		$node->safe_psql($database, 'CREATE EXTENSION adminpack');
		for my $call (q{pg_file_write('made', 'x', false)}, q{pg_file_write('PG_VERSION', 'x', true)}, q{pg_file_rename('PG_VERSION', 'other')}, q{pg_file_unlink('PG_VERSION')}, q{pg_file_sync('PG_VERSION')})
		{
			is((CasusTest::refusal($node, "SELECT $call", dbname => $database))[0], 'casus.bypass', "adminpack in $database: $call");
		}
	}
}
$node->stop;
done_testing();
