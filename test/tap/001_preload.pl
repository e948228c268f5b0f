# The library comes in with the postmaster, and a node without it has no casus.
use strict;
use warnings;

use Test::More;
use CasusTest;

my $node = CasusTest::start('main', no_extension => 1);
is($node->safe_psql('postgres', 'SHOW shared_preload_libraries'),
	'casus', 'casus is preloaded');
$node->stop;
done_testing();
