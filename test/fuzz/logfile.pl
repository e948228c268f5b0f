# libFuzzer, guided by coverage and with AddressSanitizer and UndefinedBehaviorSanitizer, on what casusctl and the server read
# of the access log's files: segments, the chain, the walk over it, key files, anchors, file names.  What it holds to
# stands in test/fuzz/driver/log_fuzz.c.  C026 E035
# TEST_LONG=1 runs a hundred times as many inputs, FUZZ_TIMES so many times; FUZZ_SEED repeats a run.  FUZZ_SECONDS: it
# ends after so long, and how many there were is told.
use strict;
use warnings;

use IPC::Run;
use Test::More;
use PostgreSQL::Test::Utils;

my $clang = (grep { -x } '/usr/bin/clang', glob '/usr/bin/clang-[0-9][0-9]')[0];
my $runtime = $clang && `$clang -print-resource-dir`;
chomp $runtime if $runtime;
plan skip_all => 'NOT RUN: there is no clang with libFuzzer (apt-get install clang libclang-rt-14-dev)'
  if !$runtime || !glob "$runtime/lib/linux/libclang_rt.fuzzer-*64.a";

my $config = $ENV{PG_CONFIG} || 'pg_config';
my %at = map { $_ => `$config --$_` =~ s/\s+$//r } qw(includedir-server includedir pkglibdir libdir);
my ($common) = grep { -e } map { "$_/libpgcommon.a" } $at{pkglibdir}, $at{libdir};
my $source = "$ENV{CASUS_SRC}/extension";
my $temp = PostgreSQL::Test::Utils::tempdir();
my $seed = $ENV{FUZZ_SEED} // 1 + time % 1000000;
my $runs = 200000 * ($ENV{FUZZ_TIMES} || ($ENV{TEST_LONG} ? 100 : 1));
my ($out, $err);
diag("FUZZ_SEED=$seed");

system($clang, '-O1', '-g', '-w', '-DFRONTEND', '-D_GNU_SOURCE', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all',
	'-isystem', $at{'includedir-server'}, '-isystem', $at{includedir}, '-I', $source, '-o', "$temp/log_fuzz",
	"$ENV{CASUS_SRC}/test/fuzz/driver/log_fuzz.c", map({ "$source/$_.c" } qw(logsegment logchain logwalk)),
	$common, $common =~ s/common\.a$/port.a/r, '-lcrypto', '-lm') == 0 or BAIL_OUT('log_fuzz.c');
mkdir "$temp/corpus";
{
	local $ENV{LOG_FUZZ_SEEDS} = "$temp/corpus";
	IPC::Run::run([ "$temp/log_fuzz" ], '>&', \$out) or BAIL_OUT("no seeds: $out");
}
append_to_file("$temp/dict", join '', map { "\"$_\"\n" } 'CASUSLOG', '\x00\x00\x00\x00', '\x01\x00\x00\x00', '\xff\xff\xff\xff\xff\xff\xff\xff', '.log',
	'casus log key 1\x0a', 'node ', ':', '18446744073709551615', '9223372036854775808');
{
	local $ENV{ASAN_OPTIONS} = 'detect_leaks=1:allocator_may_return_null=1';
	IPC::Run::run([ "$temp/log_fuzz", "-runs=$runs", "-seed=$seed", '-max_len=8192', '-timeout=20', '-rss_limit_mb=2048', $ENV{FUZZ_SECONDS} ? "-max_total_time=$ENV{FUZZ_SECONDS}" : (),
			"-artifact_prefix=$temp/found-", "-dict=$temp/dict", "$temp/corpus" ], '>', \$out, '2>', \$err);
}
my ($done, $covered) = $err =~ /^#(\d+)\s+DONE\s+cov: (\d+)/m;
my @found = glob "$temp/found-*";
$runs = $done if $ENV{FUZZ_SECONDS} && $done && $done < $runs;
is(($done // 0) - @found, $runs, 'as many inputs, none of which is a finding')
  or diag($err =~ /^(?:does not hold|==\d+==ERROR|SUMMARY|.*runtime error).*$/mg, map { "\n$_: " . unpack 'H*', substr slurp_file($_), 0, 1000 } @found);
diag('counted: files of the log: ' . ($done // 0) . ' inputs, ' . ($covered // 0) . ' edges');
cmp_ok($covered // 0, '>', 100, 'guided by coverage (' . ($covered // 0) . ' edges)');
done_testing();
