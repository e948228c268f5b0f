
=head1 CasusTest

What the TAP tests of casus share: a PostgreSQL::Test::Cluster node that finds
the harness' private install (through TEMP_CONFIG) and preloads casus.

	use CasusTest;
	my $node = CasusTest::start('main');                   # casus preloaded, CREATE EXTENSION done in postgres
	my $bare = CasusTest::start('bare', preload => 0);     # library not preloaded, no extension
	my $conf = CasusTest::start('x', conf => "casus.log_durability = relaxed\n");
	CasusTest::fixture($node, 'beesel');                   # test/fixtures/beesel.sql in database postgres
	my ($code, $message) = CasusTest::refusal($node, $sql, user => 'x');  # constraint name and message of the error

=cut

package CasusTest;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

sub start
{
	my ($name, %opt) = @_;
	my $preload = $opt{preload} // 1;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => ['--encoding=UTF8', '--locale=C.UTF-8'], %{ $opt{init} // {} });
	$node->append_conf('postgresql.conf', slurp_file($ENV{CASUS_CONF}));
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n") unless $preload;
	$node->append_conf('postgresql.conf', $opt{conf}) if $opt{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION casus') if $preload && !$opt{no_extension};
	return $node;
}

# Runs a file of test/fixtures.
sub fixture
{
	my ($node, $name, $dbname) = @_;
	my $file = "$ENV{CASUS_SRC}/test/fixtures/$name.sql";

	$node->safe_psql($dbname // 'postgres', slurp_file($file));
	return;
}

# The constraint-name field and the primary message of the error that a
# statement gives; ('', '') when it gives none.
sub refusal
{
	my ($node, $sql, %opt) = @_;
	my ($out, $err);

	$node->psql(
		$opt{dbname} // 'postgres', $sql,
		stdout => \$out,
		stderr => \$err,
		extra_params => [ '-v', 'VERBOSITY=verbose', $opt{user} ? ('-U', $opt{user}) : () ]);
	my ($message) = $err =~ /(?:ERROR|FATAL):\s+(?:\w{5}:\s+)?(.*)/;
	my ($code) = $err =~ /CONSTRAINT NAME:\s+(\S+)/;
	return ($code // '', $message // '');
}

1;
