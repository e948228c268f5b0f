# The library comes in with the postmaster, and a node without it has no casus.
use strict;
use warnings;

use Test::More;
use CasusTest;

my $node = CasusTest::start('main', no_extension => 1);
is($node->safe_psql('postgres', 'SHOW shared_preload_libraries'),
	'casus', 'casus is preloaded');

# A role under the name of one of casus' own, which somebody else has made, gets nothing: the extension is not installed.
for my $role (qw(casus_owner casus_admin casus_auditor casus_analyst casus_backup casus_collector))
{
	$node->safe_psql('postgres', "CREATE ROLE $role");
	is((CasusTest::refusal($node, 'CREATE EXTENSION casus'))[1], qq{role "$role" exists and is not marked as a role of casus}, "$role of somebody else");
	$node->safe_psql('postgres', "DROP ROLE $role");
}
$node->safe_psql('postgres', 'CREATE EXTENSION casus; ALTER ROLE casus_admin LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE ander');
is((CasusTest::refusal($node, 'CREATE EXTENSION casus', dbname => 'ander'))[1], 'role "casus_admin" has attributes that casus does not give it', 'one of its own that may log in');
$node->safe_psql('postgres', 'ALTER ROLE casus_admin NOLOGIN');
$node->safe_psql('ander', 'CREATE EXTENSION casus');
$node->stop;
done_testing();
