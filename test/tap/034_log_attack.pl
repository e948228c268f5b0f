# Attacks on what writes the access log: a full disk at the change of a segment, a key that cannot be made, a file put
# where the next key file is made, two servers with one key file.  C010
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "casus.log_segment_size = 64kB\ncasus.log_durability = relaxed\n");
$node->safe_psql('postgres', 'CREATE TABLE line (line text)');
my $directory = CasusTest::log_directory($node);
my $key = $node->data_dir . '.casus_log_key';


# ---- relaxed: the block at which the next segment cannot be made ----

chmod 0500, $directory or die $!;
my $script = $node->basedir . '/refused.sql';
append_to_file($script, "DO \$\$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$;\n");
my $out;
{
	local $ENV{PGAPPNAME} = 'relaxed';
	IPC::Run::run([ 'pgbench', '-n', '-c', '1', '-t', '400', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \my $err);
}
my ($answered) = $out =~ /actually processed: (\d+)/;
ok(CasusTest::log_fails($node), 'the next segment cannot be made');
chmod 0700, $directory or die $!;
ok(CasusTest::log_fails($node, 0), '... until it can');
$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
my @after = CasusTest::log_records($node);
cmp_ok($answered, '>', 50, 'C010: relaxed: statements were answered');
cmp_ok(scalar(grep { ($_->{application} // '') eq 'relaxed' } @after), '>=', $answered, '... and each is on record when the disk has room again');
is(CasusTest::log_damage($node), '', '... and the chain holds');

# ---- a file where the next key file is made ----

is((CasusTest::refusal($node, "COPY (SELECT 1) TO '$key.new'"))[0], 'casus.bypass', 'nobody puts a file by SQL where the next key file is made');
is((CasusTest::refusal($node, "COPY line FROM '$key.new'"))[0], 'casus.bypass', '... or reads one');
append_to_file("$key.new", "x\n");
chmod 0644, "$key.new" or die $!;
# What the log says of its keys behind an entry, in order.
sub last_number { return (CasusTest::log_records($node))[-1]{seq} }
sub on_keys
{
	my ($behind) = @_;
	return join ', ', map { join ' ', $_->{kind}, grep { defined } $_->{code}, $_->{kind} eq 'maintenance' ? () : $_->{text} }
		grep { $_->{seq} > $behind && join(' ', map { $_ // '' } @$_{qw(code text)}) =~ /log_key\b/ } CasusTest::log_records($node);
}
my $done = 'attempt rotate_log_key, maintenance log_key, setup rotate_log_key';
my $since = last_number();
is($node->safe_psql('postgres', 'SELECT casus.rotate_log_key()'), '2', 'a file that was left there');
is(on_keys($since), $done, '... the log says what was tried, that it has another key, and who did it');
is(sprintf('%o', (stat $key)[2] & 07777), '600', '... gives no key file that others may read');
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... and the log verifies');

# ---- a key that cannot be made ----

mkdir "$key.new" or die $!;
$since = last_number();
like((CasusTest::refusal($node, 'SELECT casus.rotate_log_key()'))[1], qr/was not changed$/, 'a key that cannot be made is told');
is(on_keys($since), 'attempt rotate_log_key, attempt undone rotate_log_key', '... and the log says that it was tried, and not done');
$node->safe_psql('postgres', q{SELECT casus.log_anchor()}) for 1, 2;
ok(CasusTest::log_fails($node, 0), '... and the log goes on with the one it has');
rmdir "$key.new" or die $!;
is($node->safe_psql('postgres', 'SELECT casus.rotate_log_key()'), '3', '... until one can');
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... and the log verifies');

# ---- a key that is made, and a segment that is not: one call makes one key, and the log says when it has it ----

sub key_ids { return join ' ', sort { $a <=> $b } keys %{ (CasusTest::log_keys($node))[1] } }
$since = last_number();
chmod 0500, $directory or die $!;
like((CasusTest::refusal($node, 'SELECT casus.rotate_log_key()'))[1], qr/was not changed yet$/, 'no segment for the new key: told that it is not changed yet');
is(on_keys($since), 'attempt rotate_log_key', '... and on record is that it was tried');
chmod 0700, $directory or die $!;
ok(CasusTest::log_fails($node, 0), '... the log goes on');
$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
CasusTest::wait_until(sub { on_keys($since) =~ /maintenance/ });
is(on_keys($since), 'attempt rotate_log_key, maintenance log_key', '... and says that it has another key');
is(key_ids(), '1 2 3 4', '... one, not another one for each try');

# ---- a crash between the key, its segment and the first entry of that ----

# The key file as a rotation leaves it that went no further.
sub add_key
{
	my ($id) = @_;
	open my $file, '>>', $key or die $!;
	print $file "$id ", unpack('H*', pack 'L8', map { int rand 2**32 } 1 .. 8), "\n";
	return close $file;
}
sub starts_with_key
{
	my ($what, $ids, $change) = @_;
	$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
	$node->stop('immediate');
	my $behind = last_number();
	$change->();
	$node->start;
	$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
	is(on_keys($behind), 'maintenance log_key', "$what: the log says that it has another key");
	my ($first) = grep { $_->{seq} > $behind } CasusTest::log_records($node);
	is($first->{code}, 'log_key', '... in its first entry with that');
	is(key_ids(), $ids, '... which is the one that was made');
	return is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... and it verifies');
}
starts_with_key('stopped with a key and no segment', '1 2 3 4 5', sub { add_key(5) });
starts_with_key('stopped with a segment and no entry', '1 2 3 4 5 6', sub {
	add_key(6);
	my $record = (CasusTest::log_records($node))[-1];
	my ($bytes, $number) = (slurp_file($record->{segment}), $record->{segment} =~ m{/0*(\d+)\.log$});
	truncate $record->{segment}, $record->{offset} + $record->{size};
	my ($name, $secret) = CasusTest::log_keys($node);
	for my $empty (1, 2)
	{
		my $mac = $empty == 1 ? substr $bytes, $record->{offset} + $record->{size} - 32, 32 : substr $bytes, 96, 32;
		$bytes = pack 'a8VVa16Q<VVQ<q<a32', 'CASUSLOG', 1, 128, pack('H*', $name), $number + $empty, 6, 0, $record->{seq} + 1, time * 1_000_000, $mac;
		$bytes .= hmac_sha256($bytes, $secret->{6});
		my $path = sprintf '%s/%012d.log', $directory, $number + $empty;
		append_to_file($path, $bytes);
		chmod 0600, $path;
	}
});

# ---- a file with a number that no segment has ----

$node->stop;
append_to_file("$directory/99999999999999999999.log", 'x');
$node->start;
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', 'a file that only looks like a segment is none');

# From there down is no way: every number on it would be tried.
$node->stop;
append_to_file("$directory/999999999999.log", 'x');
$node->start;
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', 'a file with a number far away keeps nobody waiting');
ok(-e "$directory/999999999999.log.torn", '... and is put aside');

# One that is long enough for a segment is kept as what somebody has changed, but not where the numbers end.
$node->stop;
append_to_file("$directory/$_.log", 'x' x 200) for '18446744073709551615', '999999999998';
$node->start;
$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', 'nor is one of the size of a segment at the end of the numbers');
ok(!-e "$directory/999999999999.log" && -e "$directory/999999999998.log.torn", '... the log goes on in the segment after the last that is one');

# ---- directories and a key file that are not the server's alone ----

for my $open ($directory, $node->data_dir . '/casus_log')
{
	$node->stop;
	my $before = -s $node->logfile;
	chmod 0770, $open;
	$node->start;
	ok(CasusTest::log_fails($node), 'where others may write no log is kept');
	like(substr(slurp_file($node->logfile), $before), qr/cannot write its access log in ".*": other accounts may write there/, '... and the server log says why');
	chmod 0700, $open;
	ok(CasusTest::log_fails($node, 0), '... until they may not');
}
$node->stop;
rename $key, "$key.kept";
system('mkfifo', '-m', '600', $key);
$node->start;
ok(CasusTest::log_fails($node), 'a named pipe is no key file, and keeps nobody waiting');
$node->stop;
unlink $key;
rename "$key.kept", $key;
$node->start;
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... and the log verifies with the one that was');

# ---- two servers with one key file and one directory ----

my $second = PostgreSQL::Test::Cluster->new('second');
CasusTest::init($second);
$second->append_conf('postgresql.conf', slurp_file($ENV{CASUS_CONF}));
$second->append_conf('postgresql.conf', "casus.log_key_file = '$key'\ncasus.log_directory = '" . $node->data_dir . "/casus_log'\n");
my @segments = CasusTest::log_segments($node);
$second->start;
$second->psql('postgres', 'CREATE EXTENSION casus');
$second->psql('postgres', q{SELECT casus.open_file('geen', 'geen')});
ok($second->wait_for_log(qr/cannot write its access log in ".*": Device or resource busy/), 'a second server with the same key file does not write');
$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
is(CasusTest::log_damage($node), '', '... so that the log of the first holds');
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... and verifies');
$second->stop;

# ---- numbers far away ----

# The header of the last segment is changed, and an entry bears the highest number that fits.
my $last = (grep { slurp_file($_) =~ /^CASUSLOG/ } CasusTest::log_segments($node))[-1];
my ($highest) = sort { $b <=> $a } map { $_->{seq} } CasusTest::log_records($node);
my ($entry) = grep { $_->{segment} eq $last } CasusTest::log_records($node);
$node->stop;
{
	my $changed = slurp_file($last);
	substr($changed, 50, 1) ^= "\x01";
	substr($changed, $entry->{offset} + 8, 8) = "\xff" x 8;
	open my $file, '+<:raw', $last or die $!;
	print $file $changed;
	close $file or die $!;
}
$node->start;
is($node->safe_psql('postgres', "SELECT seq > $highest AND seq < $highest + 100 FROM casus.log_anchor()"), 't',
	'C026: a number that somebody has written is not gone on from when none could follow');

# Far away, but with room behind it: it is taken for what somebody has changed, and whoever looks for an entry is told.
$node->stop;
append_to_file("$directory/400000000000.log", 'x' x 200);
$node->start;
$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
like($node->safe_psql('postgres', q{SET statement_timeout = '180s'; SELECT finding FROM casus.verify_log(2, 3)}), qr/missing/,
	'a segment with a number far away: who looks for an entry is told what is missing');
{
	my $ctl = CasusTest::casusctl();
	my $result = IPC::Run::run([ 'timeout', '180', $ctl, 'verify', '-l', $directory, '-k', $key, '--from', '2' ], '>', \my $found, '2>', \my $err);
	is($? >> 8, 1, '... by casusctl, too');
	like($found, qr/the segment is missing/, '... with the same words');
}

$node->stop;
done_testing();
