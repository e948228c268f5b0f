# How long the log of a standby is kept: by what every database of the primary wants now.  As long as that is not known of one
# of them, since nobody can look into it, nothing goes, there or here; what was known of it earlier may be too short.  D042
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $primary = CasusTest::start('primary', init => { allows_streaming => 1 }, conf => "casus.log_load_interval = 1s\ncasus.log_retention = 1d\n");
$primary->safe_psql('postgres', 'CREATE DATABASE ander');
$primary->safe_psql('postgres', 'CREATE DATABASE vast');
$primary->safe_psql('ander', q{CREATE EXTENSION casus; SELECT casus.install_protocol('beesel-2021'); SELECT casus.open_file('beesel-2021', 'ander');
	SELECT casus.activate_protocol('ander', dpia => 'x', parameters => '{"startdatum": "2021-12-01", "standaarden": [], "bewaartermijn_logboek": 12}')});
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;

my $unknown = qr/^it is not known how long the databases of this server keep the access log/;
my $known = qr/^the primary has not collected the access log of this standby/;
sub purge { return (CasusTest::refusal($standby, 'SELECT casus.purge_log()'))[1] }
sub says { my ($what) = @_; return CasusTest::wait_until(sub { purge() =~ $what }) }
# Longer, and then nobody comes in; the server is started again, or not.
sub close_it
{
	my ($months) = @_;
	$primary->safe_psql('ander', "SELECT casus.set_parameter('ander', 'bewaartermijn_logboek', '$months')");
	return $primary->safe_psql('postgres', 'ALTER DATABASE ander ALLOW_CONNECTIONS false');
}
sub open_it { return $primary->safe_psql('postgres', 'ALTER DATABASE ander ALLOW_CONNECTIONS true') }

ok(says($known), 'the standby knows the terms of the primary');
$primary->safe_psql('postgres', 'ALTER DATABASE vast ALLOW_CONNECTIONS false');
sleep 3;
like(purge(), $known, 'also when nobody can look into a database that has had nothing since it was looked into');

my $loader = $primary->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'casus log loader' AND datname IS NULL});
kill 'STOP', $loader;
close_it(84);
kill 'CONT', $loader;
ok(says($unknown), 'a term that nobody could look at before the database was closed is not taken for the one that was found earlier');
like((CasusTest::refusal($primary, 'SELECT casus.purge_log()'))[1], qr/^it is not known how long database "ander" keeps the access log/, '... on the primary neither');
like($primary->safe_psql('postgres', q{SELECT finding FROM casus.doctor() WHERE code = 'log_term_unknown'}), qr/^Database ander allows no connections/, '... as doctor says there');
open_it();
ok(says($known), '... once it is open again it is known');

$primary->safe_psql('postgres', 'ALTER DATABASE vast ALLOW_CONNECTIONS true');
close_it(96);
$primary->restart;
ok(says($unknown), 'after a restart of the primary what was known is told no more');
open_it();
ok(says($known), '... until the loader has been there');

$standby->stop;
$primary->stop;
done_testing();
