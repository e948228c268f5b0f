# The access log and a disk that is full, that loses what it was given, or that lost its power in the middle of a batch:
# no row leaves without its entry, and the log goes on as soon as it can.  C006 C009 C010 C039
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $bindir = `@{[ $ENV{PG_CONFIG} // 'pg_config' ]} --bindir` =~ s/\s+$//r;
my $settings = "fsync = on\nrestart_after_crash = on\ncasus.log_segment_size = 256kB\n";
my $node = CasusTest::start('main', conf => $settings);
my $rows = 4000;

$node->safe_psql('postgres', qq{
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
	INSERT INTO zaak SELECT n, 8 FROM generate_series(1, $rows) n;
});
CasusTest::fixture($node, $_) for 'coor', 'zaken';

sub verified { return $node->safe_psql('postgres', 'SELECT ok, finding FROM casus.verify_log()') }
sub last_segment { return (CasusTest::log_segments($node))[-1] }

# Reads rows one by one, as a session of that name; what the client received, and what it was told.
sub read_rows
{
	my ($name, $from, $to) = @_;
	local $ENV{PGAPPNAME} = $name;
	my $file = $node->basedir . "/$name.sql";
	open my $script, '>', $file or die $!;
	print $script "SET synchronous_commit = off; BEGIN; SELECT FROM casus.enter('intake');\n";
	print $script "SELECT 'got ' || casus.dossier_of(casus_label) FROM zaak WHERE id = $_;\n" for $from .. $to;
	print $script "COMMIT;\n";
	close $script or die $!;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-U', 'coordinator', '-d', $node->connstr('postgres'), '-f', $file ],
		'>', \$out, '2>', \$err, CasusTest::patience());
	return ([ $out =~ /^got (\d+)$/mg ], $err);
}

# The same as soon as the log is written again: while it is known to fail, who asks its writer waits two seconds for an
# answer and is refused without one.
sub read_again
{
	my ($name, $from, $to) = @_;
	my $got;
	CasusTest::wait_until(sub { ($got) = read_rows($name, $from, $to); return @$got == $to - $from + 1 });
	return $got;
}

# Which of them have no entry?
sub not_on_record
{
	my ($got, @names) = @_;
	my $name = join '|', @names;
	my %on = map { $_->{payload} =~ /"application":"(?:$name)".*"dossiers":\[\[(\d+),1\]\]/ ? ($1 => 1) : () } CasusTest::log_records($node, raw => 1);
	return scalar grep { !$on{$_} } @$got;
}

# ---- room for entries is made ahead ----

my ($got) = read_rows('plain', 1, 20);
is(scalar(@$got), 20, 'rows are read');
my $last = (CasusTest::log_records($node, raw => 1))[-1];
my $end = $last->{offset} + $last->{size};
my $data = slurp_file(last_segment());
cmp_ok(length($data), '>', $end, 'a segment in use has room behind its last entry');
like(substr($data, $end), qr/^\0+\z/, '... of zeros');
my @ctl = (CasusTest::casusctl(), 'verify', '-l', CasusTest::log_directory($node), '-k', $node->data_dir . '.casus_log_key');
$node->command_like(\@ctl, qr/^whole: /, '... which the tool takes for the end');
is(verified(), 't|', '... and so does the server');
$node->stop('immediate');
$node->command_like(\@ctl, qr/^whole: /, 'after a crash too');
$last = (CasusTest::log_records($node, raw => 1))[-1];
$node->start;
is((grep { ($_->{code} // '') eq 'log_torn' } begun($last->{seq})), 0, '... and nothing is called torn');
read_rows('again', 1, 20);
$last = (CasusTest::log_records($node, raw => 1))[-1];
cmp_ok(-s last_segment(), '>', $last->{offset} + $last->{size}, '... there is room again');
$node->stop;
$last = (CasusTest::log_records($node))[-1];
is($last->{code}, 'log_stopped', 'a server that is stopped');
is(-s last_segment(), $last->{offset} + $last->{size}, '... leaves no room behind');

# ---- power is lost within a batch: pages of it reach the disk in any order ----

# A batch behind the end of the log, as its writer would write it; from the third argument on, pages that are lost.
sub append_batch
{
	my ($settled_at, $count, @lost) = @_;
	my $record = (CasusTest::log_records($node, raw => 1))[-1];
	my $file = $record->{segment};
	my $whole = slurp_file($file);
	my $at = $record->{offset} + $record->{size};
	my $mac = substr $whole, $at - 32, 32;
	my (undef, $secret) = CasusTest::log_keys($node);
	my $key = $secret->{ unpack 'x40V', $whole };
	my $batch = '';
	for my $n (1 .. $count)
	{
		my $payload = '{"ts":"2026-11-22","kind":"read","text":"' . 'x' x (300 + 37 * $n % 400) . '"}';
		my $head = pack('VvvQ<q<', length $payload, 1, ($n == 1 || $n == $settled_at) ? 1 : 0, $record->{seq} + $n, time * 1_000_000) . $payload;
		$mac = hmac_sha256($mac . $head, $key);
		$batch .= $head . $mac;
	}
	for my $page (@lost)
	{
		my ($from, $to) = ($page * 4096 - $at, ($page + 1) * 4096 - $at);
		$from = 0 if $from < 0;
		$to = length $batch if $to > length $batch;
		substr($batch, $from, $to - $from) = "\0" x ($to - $from) if $from < $to;
	}
	open my $out, '+<:raw', $file or die $!;
	seek $out, $at, 0;
	print $out $batch, "\0" x 65536;
	close $out or die $!;
	return ($record->{seq}, int($at / 4096), $file);
}

sub first_page { my $r = (CasusTest::log_records($node, raw => 1))[-1]; return int(($r->{offset} + $r->{size}) / 4096) }

# The log's writer starts beside the first sessions: what it has to tell, once it has begun.
sub begun
{
	my ($seq) = @_;
	my @records;

	CasusTest::wait_until(sub {
		@records = grep { $_->{seq} > $seq } CasusTest::log_records($node);
		return grep { ($_->{code} // '') eq 'log_started' } @records;
	}) or die 'the log does not go on';
	return @records;
}

# Starts, and says what the log has to tell of it.
sub told
{
	my ($seq) = @_;
	$node->start;
	my @codes = map { $_->{code} // () } begun($seq);
	my $damage = CasusTest::log_damage($node);
	my $verified = verified();
	$node->stop;
	return join ', ', @codes[ 0, 1 ], $damage || 'no damage', $verified;
}

my $torn = 'log_torn, log_started, no damage, t|';
for my $lost ([0], [1], [ 1, 3 ], [ 0, 2, 4 ])
{
	my $page = first_page();
	my ($seq, undef, $file) = append_batch(0, 40, map { $page + $_ } @$lost);
	# What was kept of an earlier crash, under any name that this one may take.
	my @evidence = map { "$file.torn-" . ($seq + $_) } 1 .. 41;
	append_to_file($_, 'evidence') for @evidence;
	is(told($seq), $torn, "C039: power lost within a batch: what is left of it without page @$lost is cut off, and called torn");
	is((grep { slurp_file($_) ne 'evidence' } @evidence), 0, '... and written over nothing that was kept before');
	is((grep { -s } glob "$file.torn-*-2"), 1, '... but beside it');
	unlink glob "$file.torn-*";
}
my ($whole) = append_batch(0, 40);
like(told($whole), qr/^log_started, .*no damage, t\|$/, 'a batch that was written whole stays');

# What was on disk when a later entry was written cannot have been lost so.
{
	my $page = first_page();
	my ($seq, undef, $file) = append_batch(30, 40, $page + 1);
	$node->start;
	my @records = begun($seq);
	my ($changed) = grep { ($_->{code} // '') eq 'log_changed' } @records;
	ok($changed, 'a gap before an entry that was written when all before it was on disk: the log says that it was changed');
	isnt($changed->{segment}, $file, '... goes on in another file');
	is($changed->{seq}, $seq + 41, '... with a number that was not given yet');
	like(verified(), qr/^f\|/, '... and verify_log names the place');
	$node->stop;
	# Put right for what follows: the log begins anew.
	rename CasusTest::log_directory($node), $node->basedir . '/changed';
	$node->start;
	is(verified(), 't|', 'a new log');
}

# ---- a disk that loses what it was given, and says so once ----

my $library = $node->basedir . '/lostsync.so';
SKIP:
{
	skip 'NOT RUN: there is no /proc, by which a file is known from its descriptor', 6 if !-e '/proc/self/fd';
	skip 'no library can be built here', 6
		if system('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', $library, "$ENV{CASUS_SRC}/test/log/lostsync.c", '-ldl') != 0;
	my $order = $node->basedir . '/lose';
	$node->stop;
	{
		local $ENV{LD_PRELOAD} = $library;
		local $ENV{LOSTSYNC} = $order;
		$node->start;
	}
	my ($before) = read_rows('before', 1, 5);
	my $segment = last_segment();
	my $losses = 0;
	my @received = @$before;
	for my $round (1 .. 5)
	{
		my $from = 100 * $round;
		append_to_file($order, '');
		my ($lost, $err) = read_rows('lost', $from, $from + 20);
		$losses++ unless -e $order;
		push @received, @$lost;
		is("@$lost", '', "C006, C009, C010: a sync that failed, $round, with synchronous_commit off: no row has left") if $round == 1;
		like($err, qr/the access log cannot be written/, '... and the client is told why') if $round == 1;
		my $after = read_again('after', $from + 50, $from + 60);
		push @received, @$after;
		is(scalar(@$after), 11, '... the next session reads') if $round == 1;
	}
	is($losses, 5, 'five syncs have failed');
	isnt(last_segment(), $segment, '... what they were for was written anew, to other files');
	is(not_on_record(\@received, 'before', 'lost', 'after'), 0, '... and all that was received is on record');
	is(CasusTest::log_damage($node, raw => 1), '', '... in one chain, without what was lost');
	is(verified(), 't|', '... which verifies');
	$node->stop;
	$node->start;
}

# ---- a disk that cannot be read ----

SKIP:
{
	my $baddisk = $node->basedir . '/baddisk.so';
	skip 'no library can be built here', 7
		if !-e '/proc/self/fd' || system('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', $baddisk, "$ENV{CASUS_SRC}/test/log/baddisk.c", '-ldl') != 0;
	local $ENV{BADDISK} = $node->basedir . '/bad';
	my $loaded = sub { return $node->safe_psql('postgres', 'SET ROLE casus_auditor; SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this') };
	$node->safe_psql('postgres', q{CREATE ROLE auditor LOGIN IN ROLE casus_auditor});
	$node->append_conf('postgresql.conf', "casus.log_load_interval = 1s\n");
	$node->stop;
	{
		local $ENV{LD_PRELOAD} = $baddisk;
		$node->start;
	}
	# It has read the end of the log, and all that there is then is in tables.
	read_rows('readable', 1, 1);
	my ($there) = map { $_->{seq} } (CasusTest::log_records($node, raw => 1))[-1];
	ok(CasusTest::wait_until(sub { $loaded->() >= $there }), 'what can be read is put into tables');
	append_to_file("$ENV{BADDISK}.read", '');
	my $offset = -s $node->logfile;
	my ($rows_there) = read_rows('unreadable', 2, 4);
	is(scalar(@$rows_there), 3, 'segments cannot be read: rows leave, and entries are written');
	my ($read, $wanted) = map { $_->{seq} } (CasusTest::log_records($node, raw => 1))[ -2, -1 ];
	$node->wait_for_log(qr/ERROR:  could not read the access log: Input\/output error/, $offset);
	like((CasusTest::refusal($node, 'SELECT count(*) FROM casus.access_log', user => 'auditor'))[1], qr/^could not read the access log: Input\/output error/, '... who reads the log is told, and no entry is said to be of no form');
	unlink "$ENV{BADDISK}.read";
	my $short = q{SELECT severity || ' ' || finding FROM casus.doctor() WHERE code = 'log_disk'};
	append_to_file("$ENV{BADDISK}.room", '');
	is($node->safe_psql('postgres', $short), 'warning The disk of the access log has 0 bytes left: when it is full, nothing protected is read.', '... C035: doctor says that no room is left');
	unlink "$ENV{BADDISK}.room";
	my $left = `df -P @{[ $node->data_dir ]}` =~ /\s(\d+)%\s/ ? 100 - $1 : 0;
	is($node->safe_psql('postgres', $short), '', '... and nothing where there is') if $left > 20;
	ok(CasusTest::wait_until(sub { $loaded->() >= $wanted }), '... the loader goes on when they can be read again');
	# The log that was put aside above had entries of these numbers as well, which may have been loaded.
	is($node->safe_psql('postgres', qq{SET ROLE casus_auditor; SELECT string_agg(application || ' ' || coalesce(code, kind), ', ' ORDER BY seq) FROM casus.access_log
		WHERE seq IN ($read, $wanted) AND application = 'unreadable'}), 'unreadable read, unreadable read', '... with every entry');
	$node->restart;
}

# ---- sessions share a sync ----

SKIP:
{
	my $slowsync = $node->basedir . '/slowsync.so';
	skip 'no library can be built here', 3 if system('gcc', '-shared', '-fPIC', '-O1', '-o', $slowsync, "$ENV{CASUS_SRC}/test/bench/slowsync.c") != 0;
	$node->stop;
	{
		local $ENV{LD_PRELOAD} = $slowsync;
		local $ENV{SLOWSYNC} = 300_000;
		$node->start;
	}
	my $highest = (CasusTest::log_records($node, raw => 1))[-1]{seq};
	local $ENV{PGAPPNAME} = 'sharing';
	my @readers = map { my ($out, $err) = ('', ''); [ IPC::Run::start([ 'psql', '-XAtq', '-U', 'coordinator', '-d', $node->connstr('postgres'), '-c', 'BEGIN', '-c', q{SELECT FROM casus.enter('intake')}, map { ('-c', "SELECT 'got ' || id FROM zaak WHERE id = $_") } 1 .. 8 ],
		'>', \$out, '2>', \$err, CasusTest::patience()), \$out ] } 1 .. 6;
	my $got = 0;
	for (@readers) { $_->[0]->finish; $got += () = ${ $_->[1] } =~ /^got/mg }
	is($got, 48, 'six sessions read eight rows each, on a disk that is slow');
	# In the head of an entry stands whether all before it was on disk when it was written.
	my ($batch, %batches) = (0);
	for my $record (grep { $_->{seq} > $highest } CasusTest::log_records($node, raw => 1))
	{
		$batch++ if unpack 'x6v', substr slurp_file($record->{segment}), $record->{offset}, 24;
		$batches{$batch}++ if $record->{payload} =~ /"application":"sharing".*"dossiers":/;
	}
	my $syncs = keys %batches;
	cmp_ok($syncs, '<', 48, '... one sync serves the entries of several sessions');
	cmp_ok($syncs, '>', 7, '... but no session reads a row before its entry is on disk');
	diag("counted: 48 reads of six sessions, $syncs syncs");
	$node->restart;
}

# ---- a disk that is full ----

# A file system of its own, in a name space of the server.
SKIP:
{
	my $disk = $node->basedir . '/disk';
	mkdir $disk or die $!;
	my @inside = ('unshare', '--user', '--map-current-user', '--keep-caps', '--mount', 'sh', '-c');
	skip 'no file system can be mounted here', 8
		if system(@inside, 'mount -t tmpfs -o size=1m tmpfs "$0" 2>/dev/null', $disk) != 0;
	$node->append_conf('postgresql.conf', "casus.log_directory = '$disk/casus_log'\n");
	$node->stop;
	is(system(@inside, 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$1"/pg_ctl -w -D "$2" -l "$3" start >/dev/null', $disk, $bindir, $node->data_dir, $node->logfile),
		0, 'a server with its log on a disk of 1 MB');
	$node->_update_pid(1);
	my $pid = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my $there = sub { return system('nsenter', '--user', '--preserve-credentials', '--mount', '-t', $pid, @_) };

	is(system('sh', '-c', "df '$disk' | grep -q tmpfs") != 0 && $there->('sh', '-c', "df '$disk' | grep -q tmpfs"), 0, '... that nobody else sees');
	my ($some) = read_rows('some', 1, 50);
	is(scalar(@$some), 50, '... and on which there is room');
	$there->('sh', '-c', "dd if=/dev/zero of='$disk/filler' bs=1k 2>/dev/null; true");
	my ($full, $err) = read_rows('full', 1, $rows);
	cmp_ok(scalar(@$full), '<', $rows, 'C010: the disk is full: as many rows leave as there is room for entries');
	like($err, qr/the access log cannot be written/, '... and the client is told why');
	my ($none, $why) = read_rows('none', 1, 1);
	is("@$none", '', '... the next session reads nothing');
	like($why, qr/ERROR:.*the access log cannot be written/, '... but is told');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM casus.doctor() WHERE code = 'log_failing'}), '1', '... doctor says it');
	$there->('rm', "$disk/filler");
	my $again = read_again('again', 1, 300);
	is(scalar(@$again), 300, 'there is room again: reading resumes by itself');
	is(verified(), 't|', '... the log verifies');
	my $copy = $node->basedir . '/copy';
	mkdir $copy or die $!;
	$there->('sh', '-c', "tar -C '$disk/casus_log' -cf - ." . '>"$0".tar', $copy);
	system('tar', '-C', $copy, '-xf', "$copy.tar");
	my ($name) = CasusTest::log_keys($node);
	my $text = join '', map { slurp_file($_) } sort glob("$copy/$name/*.log");
	for ([ 'full', $full ], [ 'again', $again ])
	{
		my ($who, $what) = @$_;
		my %on = map { $_ => 1 } $text =~ /"application":"$who"[^\n]*?"dossiers":\[\[(\d+),1\]\]/g;
		is((grep { !$on{$_} } @$what), 0, "... and what the session \"$who\" received is on record: " . @$what);
	}
	like($text, qr/"log_resumed"/, '... with an entry that ends the gap');

	# What a crash has left of a batch is kept beside the segment: on a full disk nothing of that stays, however often it is tried.
	$there->('sh', '-c', "for f in '$disk/casus_log/$name'/*.log; do :; done; head -c 40000 /dev/zero | tr '\\0' x >>\"\$f\"; dd if=/dev/zero of='$disk/filler' bs=1k 2>/dev/null; true");
	my @writers = $text =~ /"pid":(\d+),"code":"log_started"/g;
	CasusTest::kill_process($node, $writers[-1])->();
	ok(CasusTest::log_fails($node), 'the disk is full, and behind the last entry stands what is none');
	$there->('rm', "$disk/filler");
	is(scalar(@{ read_again('kept', 1, 10) }), 10, '... there is room again: reading resumes');
	is($there->('sh', '-c', "exit \$(ls '$disk/casus_log/$name' | grep -c torn)") >> 8, 1, '... and what was cut off is kept once');
	$node->stop;
}

$node->stop if $node->{_pid};
done_testing();
