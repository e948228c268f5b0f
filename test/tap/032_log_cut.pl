# The newest segment of the access log is cut, emptied, taken away or put back shorter behind the back of the server that
# writes to it: casus.verify_log names the first entry that is gone, and so does casusctl with an anchor; the log goes on in
# another file, says so, and what leaves from then on is on record.  C026 C029
use strict;
use warnings;

use File::Copy qw(copy);
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "casus.log_segment_size = 64kB\ncasus.log_load_interval = 1s\nrestart_after_crash = on\n");
my $key_file = $node->data_dir . '.casus_log_key';

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub refuse { sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}) for 1 .. $_[0]; return }
sub records { return CasusTest::log_records($node, raw => 1) }
sub name { return $_[0] =~ s{.*/}{}r }
sub anchor { return sql('SELECT anchor FROM casus.log_anchor()') }
sub verify { my ($what) = @_; return sql('SELECT ok, file, "position", seq, finding FROM casus.verify_log(' . ($what // '') . ')') }

# What casusctl says of a copy of the files, as they are now.
my $copy = $node->basedir . '/copy';
sub keep { system('rm', '-rf', $copy); return system('cp', '-a', CasusTest::log_directory($node), $copy) }
sub ctl { my (@more) = @_; return (run_command([ CasusTest::casusctl(), 'verify', '-l', $copy, '-k', $key_file, @more ]))[0] =~ s/\n+\z//r }

# Begins another log, which the last case does not concern.
sub begin
{
	$node->stop;
	rename CasusTest::log_directory($node), $node->basedir . '/log-' . time . rand or die $!;
	$node->start;
	refuse(8);
	# The newest segment is not the only one.
	sql('SELECT casus.rotate_log_key()');
	return;
}

sub cut_at { my ($file, $at) = @_; return truncate $file, $at }
# As long as it was, without what stood there.
sub blank { my ($file, $at) = @_; my $size = -s $file; truncate $file, $at; return truncate $file, $size }
sub replace { my ($file, $at) = @_; copy($file, "$file.new"); chmod 0600, "$file.new"; truncate "$file.new", $at; return rename "$file.new", $file }

my $gone = 'entries at the end of the previous segment are changed, removed or inserted';
my $torn = 'the entry is cut off, or its length is changed, or what is here is none';
my $header = 'the header of the segment is changed or cut off';
my $missing = 'the segment is missing';
my $is_cut = 'the log is cut off here';

# ---- what has been loaded is there ----

refuse(8);
{
	my $cut = (records())[-3];
	my $loaded = q{SET ROLE casus_auditor; SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this};
	my $end = (records())[-1]{seq};
	ok(CasusTest::wait_until(sub { sql($loaded) >= $end }), 'what is in tables');
	# That it was asked has an entry, too.
	sleep 3;
	truncate $cut->{segment}, $cut->{offset};
	refuse(3);
	is(sql("SET ROLE casus_auditor; SELECT count(*) FROM casus.access_log WHERE seq BETWEEN $cut->{seq} AND $end"), $end - $cut->{seq} + 1, '... stays there when it is cut off the files');
	$end = (records())[-1]{seq};
	ok(CasusTest::wait_until(sub { sql($loaded) >= $end }), '... and the loader goes on in the next file');
	is(sql(q{SELECT count(*) FROM casus.doctor() WHERE code ~ '^log_load'}), '0', '... of which doctor has nothing to say');
	like(verify(), qr/^f\|\d+\.log\|0\|$cut->{seq}\|\Q$gone\E$/, '... and verify_log names what is gone');
}

# What has not been loaded is missing, from the first that is gone on.
{
	my $loader = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'casus log loader' AND datname IS NULL});
	kill 'STOP', $loader;
	refuse(8);
	my @there = records();
	truncate $there[-12]{segment}, $there[-12]{offset};
	refuse(3);
	kill 'CONT', $loader;
	my $late = '';
	my $stands = sql(q{SET ROLE casus_auditor; SELECT loaded_seq FROM casus.log_nodes() WHERE is_this});
	ok(CasusTest::wait_until(sub { ($late = sql(q{SELECT coalesce(max(finding), '') FROM casus.doctor() WHERE code = 'log_load_late' AND severity = 'critical'})) ne '' }), 'entries are cut off of which some are in no table: the loader stays');
	like($late, qr/ is at entry $stands; it stays before segment \d+, position 0: entries before it are missing\.$/, '... at the last that is in tables, as doctor says');
	cmp_ok($stands, '>=', $there[-12]{seq} - 8, '... and no earlier');
	my ($from, $to) = split /\|/, sql(q{SET ROLE casus_auditor; SELECT from_seq, to_seq FROM casus.skip_log('kwijt')});
	is("$from $to", $stands + 1 . " $there[-1]{seq}", '... and these alone are left out when somebody says that they are lost');
}

# Each with where it is cut, from the begin of an entry that is gone then; whether the segment or the next is named; with what; and by casusctl.
for my $case ([ 'between two entries', \&cut_at, 0, 1, $gone, $is_cut ], [ 'within an entry', \&cut_at, 30, 0, $torn, $torn ],
	[ 'between two entries, with zeros up to where it ended', \&blank, 0, 0, $torn, $is_cut ], [ 'within an entry, with zeros up to where it ended', \&blank, 30, 0, undef, undef ],
	[ 'between two entries, another file of its name', \&replace, 0, 1, $gone, $is_cut ],
	[ 'to nothing', sub { truncate $_[0], 0 }, 'header', 0, $header, $header ], [ 'within its header', sub { truncate $_[0], 100 }, 'header', 0, $header, $header ],
	[ 'away', sub { unlink $_[0] }, 'header', 0, $missing, $is_cut ])
{
	my ($what, $change, $within, $next, $named, $by_ctl) = @$case;
	begin();
	my $old = anchor();
	refuse(8);
	my $new = anchor();
	my @before = records();
	my $cut = $before[-5];
	my $file = $cut->{segment};
	my ($at, $seq) = $within eq 'header' ? (0, undef) : ($cut->{offset}, $cut->{seq});
	$change->($file, $at + ($within eq 'header' ? 0 : $within));
	keep();
	my $place = sprintf '%s, position %d%s: ', name($file), $at, $seq ? ", entry $seq" : '';
	my $says = $within eq 'header' ? qr/\Q$by_ctl\E/ : $by_ctl ? qr/^\Q$place$by_ctl\E/ : qr/^\Q$place\E/;
	like(ctl('-a', $new), $says, "$what: casusctl with an anchor names the place");

	my $there = $next ? sprintf('%012d.log', 1 + name($file) =~ s/\.log//r) : name($file);
	my $expected = $within eq 'header' ? qr/^f\|$there\|0\|\d*\|\Q$named\E$/ : $next ? qr/^f\|$there\|0\|$seq\|\Q$named\E$/ : qr/^f\|$there\|$at\|$seq\|${\ ($named ? "\Q$named\E" : '.+')}$/;
	like(verify(), $expected, '... verify_log too');
	like(verify("anchor => '$_'"), $expected, '... with an anchor') for $old, $new;
	like(verify($cut->{seq}), $expected, '... asked from there on');
	refuse(3);
	my @after = grep { $_->{seq} > $before[-1]{seq} } records();
	is(join(' ', map { $_->{seq} } @after), join(' ', $before[-1]{seq} + 1 .. $before[-1]{seq} + @after), '... what comes then has numbers that were not given yet, each once');
	my $noticed = grep { $_->{payload} =~ /"code":"log_changed"/ } @after;
	is($noticed, 1, '... and the log says that it was changed') if $change != \&blank;
	keep();
	like(ctl('-a', $new), qr/^${\ ($next ? $there : name($file))}, position ${\ ($next ? 0 : $at)}.*: ./, '... which casusctl names');
	$node->restart;
	like(verify(), $expected, '... and verify_log still, when the server has been restarted');
}

# ---- zeros behind the last entry are no part of it ----

begin();
{
	my $last = (records())[-1];
	truncate $last->{segment}, $last->{offset} + $last->{size};
	refuse(2);
	is(verify(), 't||||', 'the room behind the last entry is cut off: nothing is gone');
	isnt((records())[-1]{segment}, $last->{segment}, '... and the log goes on in another file');
}

# ---- the writer is started again in a server that knows where the log ends ----

begin();
{
	my $cut = (records())[-3];
	truncate $cut->{segment}, $cut->{offset};
	my $writer = CasusTest::log_writer($node);
	kill 'TERM', $writer;
	CasusTest::wait_until(sub { !kill 0, $writer });
	like(verify(), qr/^f\|\d+\.log\|0\|$cut->{seq}\|\Q$gone\E$/, 'the writer is ended when its file has been cut: the next one does not go on where it was cut');
}

$node->stop;
done_testing();
