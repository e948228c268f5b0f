# casusctl: what it says of a log by its files is what casus.verify_log says, and its exit codes are as told.  C026 C029 C031
use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(remove_tree);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $ctl = CasusTest::casusctl();
my $node = CasusTest::start('main', conf => "casus.log_segment_size = 64kB\n");
$node->safe_psql('postgres', 'CREATE ROLE auditor LOGIN IN ROLE casus_auditor; CREATE ROLE iemand LOGIN');
my $script = $node->basedir . '/refused.sql';
append_to_file($script, "DO \$\$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$;\n");
$node->command_ok([ 'pgbench', '-n', '-c', '4', '-t', 120, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ], 'a log of some entries');
# What comes next stands behind a header of a segment: the anchor bears that.
$node->safe_psql('postgres', 'SELECT casus.rotate_log_key()');

sub run_ctl
{
	my ($out, $err) = ('', '');
	IPC::Run::run([ $ctl, @_ ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# ---- anchor ----

my $as = sub { return ('-d', $node->connstr('postgres') . " user=$_[0]") };
my ($code, $anchor, $err) = run_ctl('anchor', $as->('auditor'));
is($code, 0, 'anchor: done');
like($anchor, qr/^[0-9a-f]{32}:\d+:[0-9a-f]{64}\n$/, '... one line');
chomp $anchor;
is($node->safe_psql('postgres', "SELECT ok FROM casus.verify_log(anchor => '$anchor')"), 't', '... which verify_log takes');
($code, my $out, $err) = run_ctl('anchor', $as->('iemand'));
is("$code$out", '3', 'somebody else is refused');
like($err, qr/permission denied/, '... and told so');
is((run_ctl('anchor', '-d', 'host=' . $node->basedir . '/nowhere'))[0], 3, 'a server that is not there');

# ---- a good log, and one in other hands ----

my $key_file = $node->data_dir . '.casus_log_key';
my $live = CasusTest::log_directory($node);
my $count = $node->safe_psql('postgres', 'SELECT last_seq FROM casus.verify_log()');
my @segments = CasusTest::log_segments($node);
cmp_ok(scalar(@segments), '>', 3, 'a log of several segments');
my @log = ('-l', $node->data_dir . '/casus_log', '-k', $key_file);
is_deeply([ run_ctl('verify', @log) ], [ 0, "whole: entries 1 to $count, up to segment " . @segments . "\n", '' ], 'a good log is whole');
is((run_ctl('verify', '-l', $live, '-k', $key_file, '-a', $anchor))[0], 0, '... by its own directory too, with an anchor');
is((run_ctl('verify', @log, '--from', 100, '--to', 200))[0], 0, '... a part of it');
like((run_ctl('verify', @log, '--from', 300))[1], qr/^whole: entries ([2-9]\d|[1-3]\d\d) to $count/, '... of which the segments before are left out');

($code, $out) = run_ctl('dump', @log);
my @dumped = map { decode_json($_) } split /\n/, $out;
is_deeply([ $code, map { $_->{seq} } @dumped ], [ 0, 1 .. $count ], 'dump: all entries, in order');
my @records = CasusTest::log_records($node);
is_deeply([ map { my %r = %$_; delete @r{qw(segment offset size holds)}; \%r } @records ], \@dumped, '... with what they say');
($code, $out) = run_ctl('dump', @log, '-f', 7, '-t', 9);
is_deeply([ $code, map { decode_json($_)->{seq} } split /\n/, $out ], [ 0, 7, 8, 9 ], '... or some');

my $other_key = $node->basedir . '/other_key';
my $text = slurp_file($key_file);
write_file($other_key, $text =~ s/^2 .\K./x/mr);
is((run_ctl('verify', '-l', $live, '-k', $other_key))[0], 2, 'a damaged key file is none');
write_file($other_key, $text =~ s/^(1 .{63})(.)/$1 . ($2 eq '0' ? '1' : '0')/mer);
is_deeply([ run_ctl('verify', '-l', $live, '-k', $other_key) ],
	[ 1, "000000000001.log, position 0: the header of the segment is changed, or made with another key\n", '' ], 'a wrong key');
write_file($other_key, $text =~ s/^2 .*\n//mr);
like((run_ctl('verify', '-l', $live, '-k', $other_key))[1], qr/: the key of the segment is not in the key file$/, 'one too few');
write_file($other_key, $text =~ s/^node .{31}\K(.)/$1 eq '0' ? '1' : '0'/mer);
is((run_ctl('verify', '-l', $node->data_dir . '/casus_log', '-k', $other_key))[0], 2, 'the key file of another node: there is no log of it');
is((run_ctl('verify', '-l', $live, '-k', $other_key))[0], 1, '... and this one is not its');
is((run_ctl('verify', @log, '-a', $anchor =~ s{^(.)}{$1 eq '0' ? '1' : '0'}er))[0], 2, 'an anchor of another log');
chmod 0644, $other_key;
like((run_ctl('verify', '-l', $live, '-k', $other_key))[2], qr/others may read the key file/, 'a key that others may read: a warning');

# ---- what is wrong, as verify_log says it ----

my $copy = $node->basedir . '/copy';
my %at = map { $_->{seq} => $_ } @records;
my $first = '000000000001.log';
my ($low, $high) = map { my $s = $_; (grep { $_->{segment} eq $segments[1] } @records)[$s] } 0, -1;

sub fresh_copy
{
	remove_tree($copy);
	mkdir $copy or die $!;
	for (@segments) { copy($_, $copy) or die $! }
	return;
}

sub write_file
{
	my ($name, $data) = @_;
	open my $file, '>:raw', $name or die $!;
	print $file $data;
	close $file or die $!;
	return chmod 0600, $name;
}

# After a change of a segment's bytes: what both say.  The server holds its last segment open and looks after it, so what is
# done to that is shown by the tool alone.
sub finds
{
	my ($what, $name, $change, $expected, @more) = @_;
	fresh_copy();
	my $whole = slurp_file("$copy/$name");
	my $changed = $change->($whole);
	if (defined $changed) { write_file("$copy/$name", $changed) }
	else { unlink "$copy/$name" }
	is_deeply([ (run_ctl('verify', '-l', $copy, '-k', $key_file, @more))[ 0, 1 ] ], [ 1, "$expected\n" ], $what);
	return if "$live/$name" eq $segments[-1];
	if (defined $changed) { write_file("$live/$name", $changed) }
	else { unlink "$live/$name" }
	my $said = $node->safe_psql('postgres', q{SELECT format('%s, position %s%s: %s', file, "position", ', entry ' || seq, finding) FROM casus.verify_log()});
	is($said, $expected, '... as verify_log says');
	write_file("$live/$name", $whole);
	return;
}

sub place { my ($seq) = @_; return "$first, position $at{$seq}{offset}, entry $seq: " }
sub piece { my ($data, $seq) = @_; return substr $data, $at{$seq}{offset}, $at{$seq}{size} }

finds('a changed entry', $first, sub { my $d = shift; substr($d, $at{5}{offset} + 60, 1) ^= "\x01"; $d }, place(5) . 'the entry is changed');
finds('a changed number', $first, sub { my $d = shift; substr($d, $at{5}{offset} + 8, 1) ^= "\x40"; $d }, place(5) . 'the number of the entry is changed');
finds('a changed time', $first, sub { my $d = shift; substr($d, $at{5}{offset} + 16, 1) ^= "\x01"; $d }, place(5) . 'the entry is changed');
finds('a removed entry', $first, sub { my $d = shift; substr($d, $at{6}{offset}, $at{6}{size}) = ''; $d }, place(6) . 'entries are removed or reordered');
finds('a repeated entry', $first, sub { my $d = shift; substr($d, $at{7}{offset}, 0) = piece($d, 6); $d }, place(7) . 'an entry is inserted or repeated');
finds('an inserted entry', $first, sub { my $d = shift; my $x = piece($d, 7); substr($x, 40, 1) ^= "\x01"; substr($d, $at{7}{offset}, 0) = $x; $d }, place(7) . 'an entry is inserted');
finds('C026: reordered entries', $first, sub { my $d = shift; substr($d, $at{8}{offset}, $at{8}{size} + $at{9}{size}) = piece($d, 9) . piece($d, 8); $d }, place(8) . 'entries are reordered');
finds('an entry cut off', $first, sub { my $d = shift; substr $d, 0, $at{20}{offset} + 9 }, place(20) . 'the entry is cut off, or its length is changed, or what is here is none');
finds('entries cut off', $first, sub { my $d = shift; substr $d, 0, $at{20}{offset} }, '000000000002.log, position 0, entry 20: entries at the end of the previous segment are changed, removed or inserted');
finds('a changed header', $first, sub { my $d = shift; substr($d, 50, 1) ^= "\x01"; $d }, "$first, position 0: the header of the segment is changed, or made with another key");
finds('a removed segment', '000000000002.log', sub { undef }, "000000000002.log, position 0, entry $low->{seq}: the segment is missing");
finds('a segment in the place of another', '000000000002.log', sub { slurp_file("$copy/$first") }, '000000000002.log, position 0, entry 1: the segment is out of order: its file bears another number');

# A part is checked as a part.
fresh_copy();
my $data = slurp_file("$copy/$first");
substr($data, $at{5}{offset} + 60, 1) ^= "\x01";
write_file("$copy/$first", $data);
is((run_ctl('verify', '-l', $copy, '-k', $key_file, '-f', $high->{seq} + 1))[0], 0, 'what was changed in a segment that was not asked for');
is((run_ctl('verify', '-l', $copy, '-k', $key_file, '-f', 2, '-t', 3))[0], 1, '... or in one that was');
($code, $out, $err) = run_ctl('dump', '-l', $copy, '-k', $key_file);
is_deeply([ $code, map { decode_json($_)->{seq} } split /\n/, $out ], [ 1, 1 .. 4 ], 'dump ends before a changed entry');
like($err, qr/entry 5: the entry is changed/, '... and says why');

# The tail: without an anchor a shorter log is a whole one.
my ($anchored) = $anchor =~ /:(\d+):/;
my ($tail) = map { s{.*/}{}r } $at{$anchored}{segment};
my $cut = sub { my $d = shift; substr $d, 0, $at{$anchored}{offset} };
fresh_copy();
unlink grep { s{.*/}{}r gt $tail } glob("$copy/*.log");
write_file("$copy/$tail", $cut->(slurp_file("$copy/$tail")));
is((run_ctl('verify', '-l', $copy, '-k', $key_file))[0], 0, 'C029: a log whose tail was cut off is whole by itself');
($code, $out) = run_ctl('verify', '-l', $copy, '-k', $key_file, '-a', $anchor);
is($code, 1, '... and not with an anchor');
is($out, "$tail, position $at{$anchored}{offset}, entry $anchored: the log is cut off here: the anchor is of a later entry\n", '... which says from where');
is((run_ctl('verify', '-l', $copy, '-k', $key_file, '-a', $anchor, '-f', 1, '-t', 3))[0], 1, '... whatever part is asked for');
for my $asked ([ '-t', $anchored ], [ '-f', 2, '-t', $anchored ], [ '-f', $anchored ], [ '-f', $anchored, '-t', 3 ])
{
	is_deeply([ (run_ctl('verify', '-l', $copy, '-k', $key_file, @$asked))[ 0, 1 ] ], [ 1, "$tail, position $at{$anchored}{offset}, entry $anchored: the log is cut off here\n" ], "C029: ... nor when it is asked for an entry that is cut off: @$asked");
}
is((run_ctl('verify', '-l', $copy, '-k', $key_file, '-t', $anchored - 1))[0], 0, '... but for the last one that is there');
is((run_ctl('verify', '-l', $live, '-k', $key_file, '-a', $anchor =~ s/(.)$/$1 eq '0' ? '1' : '0'/er))[0], 1, 'C031: another mac than that of the anchor');
unlink glob("$copy/*.log");
is((run_ctl('verify', '-l', $copy, '-k', $key_file))[0], 2, 'where no log is, none is whole');
is((run_ctl('verify', '-l', "$copy/nowhere", '-k', $key_file))[0], 2, 'nor in no directory');

# ---- arguments ----

for my $wrong ([], ['burn'], ['verify'], [ 'verify', '-l', $live ], [ 'verify', @log, 'x' ], [ 'verify', @log, '-d', 'x' ], [ 'verify', @log, '-f', '-1' ],
	[ 'verify', @log, '-f', '0' ], [ 'verify', @log, '-f', '1x' ], [ 'verify', @log, '-t', '99999999999999999999' ], [ 'verify', @log, '-l', $live ],
	[ 'verify', @log, '--purge' ], [ 'verify', '-l', 'x' x 5000, '-k', $key_file ], [ 'anchor', '-l', $live ])
{
	my ($status, $printed, $said) = run_ctl(@$wrong);
	is("$status$printed", '2', 'wrong: casusctl ' . substr join(' ', map { s/^.*\///r } @$wrong), 0, 60);
	like($said, qr/casusctl/, '... with a word');
}
like((run_ctl('--version'))[1], qr/^casusctl \(casus\) \d/, 'version');
($code, $out) = run_ctl('--help');
like($out, qr/casusctl verify/, 'help');
SKIP:
{
	skip 'no /dev/full', 1 unless -c '/dev/full';
	is(system("'$ctl' dump -l '$live' -k '$key_file' >/dev/full 2>/dev/null") >> 8, 2, 'what cannot be written is not done');
}

$node->stop;
done_testing();
