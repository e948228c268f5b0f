# The loader of the access log where what comes before its next entry is not there: what has gone after its term is no
# loss, all else is, also when the segment in which it stands is lost with it; and doctor tells by the time that it is late.
use strict;
use warnings;

use File::Copy qw(move);
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use CasusTest;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');
plan skip_all => 'libfaketime is not installed' unless $library;
my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';
my $node;

# Workers that the postmaster of 15 starts while it waits have the time of the machine: so it begins with that.
my $begin = time;
sub set_clock
{
	open my $file, '>', "$clock.new" or die $!;
	print $file '@', strftime('%Y-%m-%d %H:%M:%S', gmtime($begin + $_[0])), "\n";
	close $file;
	rename "$clock.new", $clock or die $!;
	return;
}
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'auditor' ]) }
sub doctor { my ($code) = @_; return sql("SELECT string_agg(severity || ': ' || finding, ' ' ORDER BY finding) FROM casus.doctor() WHERE code ~ '$code'") }
sub loaded { return sql('SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this') }
sub came_to { my ($number) = @_; return CasusTest::wait_until(sub { loaded() >= $number }) }
sub segments { return map { $_->{segment} } @_ }
sub number_of { return $_[0] =~ m{/0*(\d+)\.log$} ? $1 : '' }
sub rotate { return $node->safe_psql('postgres', 'SELECT casus.rotate_log_key()') }

# Its last entries are of this database, so that all is in tables when they are.
sub refuse { $node->safe_psql('postgres', q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}); return last_of()->{seq} }
sub last_of { return (grep { ($_->{database} // '') eq 'postgres' } CasusTest::log_records($node))[-1] }
sub loader { return $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'casus log loader' AND datname IS NULL}) }

# Stops the loader: where it has asked for a worker already, once more.  Returns its process, and an entry that is to come.
sub stop_loader
{
	my $loader = loader();
	my $to_come;
	do
	{
		kill 'CONT', $loader;
		came_to(refuse());
		kill 'STOP', $loader;
		$to_come = refuse();
		sleep 0.5;
	} while loaded() >= $to_come;
	return ($loader, $to_come);
}

# The loader is stopped where it stands; behind that come a segment, and one more, which is in use.
sub hold_up
{
	my ($loader) = stop_loader();
	my $at = loaded();
	my ($own) = segments(grep { $_->{seq} == $at } CasusTest::log_records($node));
	for (1 .. 2)
	{
		rotate();
		refuse();
	}
	my ($next) = grep { $_ gt $own } CasusTest::log_segments($node);
	return ($loader, $at, $own, $next);
}

set_clock(0);
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
	local $ENV{FAKETIME_NO_CACHE} = 1;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	local $ENV{TZ} = 'UTC';
	$node = CasusTest::start('main', conf => "casus.log_load_interval = 1s\ncasus.log_retention = 1d\n");
}
$node->safe_psql('postgres', 'CREATE ROLE auditor LOGIN IN ROLE casus_auditor');

# ---- a loader that does not get on ----

{
	my ($loader, $to_come) = stop_loader();
	set_clock(20);
	is(doctor('^log_load_late$'), '', 'less than a minute: nothing is late');
	set_clock(3600);
	like(doctor('^log_load_late$'), qr/^warning: The loader of the access log of node \S+ is at entry \d+: \d+ entries about this database are not in its tables, from entry \d+ on, which is there since \d/,
		'after an hour doctor tells what should be in tables by now');
	kill 'CONT', $loader;
	ok(came_to($to_come), 'when the loader gets on');
	is(doctor('^log_load_late$'), '', '... it tells so no more');
}

# ---- what is lost at the front ----

for my $at_front (0, 1)
{
	my ($loader, $at, $own, $next) = hold_up();
	my @gone = ($at_front ? (grep { $_ le $own } CasusTest::log_segments($node)) : $own, $next);
	my ($goes_on) = grep { $_->{segment} gt $next } CasusTest::log_records($node);
	my $last = $goes_on->{seq} - 1;
	move($_, "$_.away") or die $! for @gone;
	kill 'CONT', $loader;
	ok(CasusTest::wait_until(sub { doctor('^log_load_late$') =~ /^critical: .* is at entry $at; it stays before segment ${\ number_of($goes_on->{segment})}, position 0: entries before it are missing\.$/ }),
		'its own segment is lost and the one behind it' . ($at_front ? ', and all before' : '') . ': the loader stays, as doctor says');
	is(loaded(), $at, '... where it is');
	is(sql("SELECT count(*) FROM casus.access_log WHERE seq = $goes_on->{seq}"), '1', '... and what follows is shown');
	if ($at_front)
	{
		is(sql(q{SELECT from_seq || ' ' || to_seq FROM casus.skip_log('kwijt')}), $at + 1 . " $last", '... until somebody says that it is lost');
		ok(came_to($goes_on->{seq}), '... then it goes on');
		like(doctor('^log_load_skipped$'), qr/Entries ${\ ($at + 1)} to $last of/, '... and doctor names the gap');
		move("$_.away", $_) or die $! for @gone;
	}
	else
	{
		move("$_.away", $_) or die $! for @gone;
		ok(came_to($goes_on->{seq}), '... until they are put back');
		is(sql("SELECT count(*) FROM casus.access_log WHERE seq > $at AND seq <= $last AND code = 'log_key'"), '1', '... with what is in them');
		is(doctor('^log_load'), '', '... and doctor is content');
	}
}

# Its own segment alone, of which all is in tables, is no loss for them.
{
	my $in_use = last_of()->{segment};
	ok(came_to(refuse()), 'all is in tables');
	rotate();
	ok(came_to(refuse()), '... also of one more segment');
	my ($loader) = stop_loader();
	move($_, "$_.away") or die $! for grep { $_ le $in_use } CasusTest::log_segments($node);
	kill 'CONT', $loader;
	ok(came_to(refuse()), 'segments of which all is in tables are lost: the loader goes on');
	is(doctor('^log_load_late$'), '', '... and doctor does not speak of it');
	move("$_.away", $_) or die $! for map { s/\.away$//r } glob(CasusTest::log_directory($node) . '/*.away');
}

# ---- what has gone after its term ----

{
	my ($loader, $at, $own, $next) = hold_up();
	set_clock(3 * 86400);
	is($node->safe_psql('postgres', 'SELECT segments > 0 FROM casus.purge_log()'), 't', 'the segment of the loader and the one behind it go after their term');
	is(scalar(grep { $_ le $next } CasusTest::log_segments($node)), 0, '... indeed');
	kill 'CONT', $loader;
	ok(came_to(refuse()), '... which is no loss: it goes on');
	is(doctor('^log_load_late$'), '', '... and doctor is content');
}

# The checkpoint speaks for what it names, not for what is lost beside that.
{
	my ($loader, $at) = hold_up();
	set_clock(7 * 86400);
	is($node->safe_psql('postgres', 'SELECT segments > 0 FROM casus.purge_log()'), 't', 'as before');
	my ($first) = CasusTest::log_segments($node);
	rotate();
	refuse();
	my ($goes_on) = grep { $_->{segment} gt $first } CasusTest::log_records($node);
	move($first, "$first.away") or die $!;
	kill 'CONT', $loader;
	ok(CasusTest::wait_until(sub { doctor('^log_load_late$') =~ /is at entry $at; it stays before segment ${\ number_of($goes_on->{segment})}, position 0: entries before it are missing/ }),
		'... and one more is lost: the loader stays');
	move("$first.away", $first) or die $!;
	ok(came_to($goes_on->{seq}), '... until that is back');
	is(doctor('^log_load_late$'), '', '... and doctor is content');
}
$node->stop;
done_testing();
