# libFuzzer, guided by coverage, on the types label and term (text and binary) and on protocol documents: whatever comes
# in, the answer is a value that reads back as itself, or an ordinary error; a document without an error loads.
# TEST_LONG=1 runs a hundred times as many inputs, FUZZ_TIMES so many times; FUZZ_SEED repeats a run.  FUZZ_SECONDS: each
# ends after so long, and how many there were is told.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $clang = (grep { -x } '/usr/bin/clang', glob '/usr/bin/clang-[0-9][0-9]')[0];
my $runtime = $clang && `$clang -print-resource-dir`;
chomp $runtime if $runtime;
($runtime) = glob "$runtime/lib/linux/libclang_rt.fuzzer_no_main-*64.a" if $runtime;
plan skip_all => 'NOT RUN: there is no clang with libFuzzer (apt-get install clang libclang-rt-14-dev)' if !$runtime || !-e $runtime;

my $seed = $ENV{FUZZ_SEED} // 1 + time % 1000000;
diag("FUZZ_SEED=$seed");

# A casus with coverage counters, and the driver with libFuzzer's runtime.
my $lib = PostgreSQL::Test::Utils::tempdir();
my $config = $ENV{PG_CONFIG} || 'pg_config';
chomp(my $include = `$config --includedir-server`);
chomp(my $all_include = `$config --includedir`);
my @compile = ($clang, '-shared', '-fPIC', '-O1', '-g', '-w', '-D_GNU_SOURCE', '-I', $include, '-I', $all_include);
my @sources = glob "$ENV{CASUS_SRC}/extension/*.c";
my @jobs = map {
	my $object = "$lib/" . (m,([^/]*)\.c$,)[0] . '.o';
	[ $clang, '-c', '-fPIC', '-O1', '-g', '-w', '-fsanitize=fuzzer-no-link', '-D_GNU_SOURCE', '-I', $include, '-I', $all_include, '-o', $object, $_ ]
} @sources;
while (my @two = splice @jobs, 0, 2)
{
	my @pids = map { my $job = $_; fork() || exec(@$job) } @two;
	waitpid($_, 0) == $_ && $? == 0 or BAIL_OUT('compile') for @pids;
}

# The harness' install with that library in place of its own: a library under two names is loaded twice.
my $install = slurp_file($ENV{TEMP_CONFIG});
my ($from) = $install =~ m,^dynamic_library_path = '(.*/inst)/,m;
system('cp', '-r', $from, "$lib/inst");
$install =~ s,\Q$from\E,$lib/inst,g;
chomp(my $installed = `find $lib/inst -name casus.so`);
system($clang, '-shared', '-o', $installed, glob("$lib/*.o"), '-lpq') == 0 or BAIL_OUT('link');
system(@compile, '-o', "$lib/casus_fuzz.so", "$ENV{CASUS_SRC}/test/fuzz/driver/casus_fuzz.c", '-Wl,--whole-archive', $runtime,
	'-Wl,--no-whole-archive', '-lstdc++', '-lm', '-lpthread') == 0 or BAIL_OUT('casus_fuzz.c');

my $node = CasusTest::start('main', no_extension => 1, conf => "${install}shared_preload_libraries = '$lib/casus_fuzz,casus'\n");
$node->safe_psql('postgres', qq{
	CREATE EXTENSION casus;
	CREATE FUNCTION casus_fuzz(query text, VARIADIC options text[]) RETURNS void LANGUAGE c AS '$lib/casus_fuzz', 'casus_fuzz';
	CREATE FUNCTION casus_receive(bytea, regtype) RETURNS text LANGUAGE c AS '$lib/casus_fuzz', 'casus_receive';
});

# fuzz NAME, RUNS, QUERY, SEEDS: the query answers true for every input.
sub fuzz
{
	my ($name, $runs, $query, $dictionary, @seeds) = @_;
	my $corpus = PostgreSQL::Test::Utils::tempdir();
	my $number = 0;
	my ($out, $err);

	$runs *= $ENV{FUZZ_TIMES} || ($ENV{TEST_LONG} ? 100 : 1);
	append_to_file("$corpus/seed" . $number++, $_) for @seeds;
	append_to_file("$lib/$name.dict", join '', map { "\"$_\"\n" } @$dictionary);
	my $from = -s $node->logfile;
	my @options = ("-runs=$runs", "-seed=$seed", qw(-rss_limit_mb=0 -detect_leaks=0 -handle_segv=0 -handle_term=0 -handle_int=0 -max_len=40000
		-timeout=60), $ENV{FUZZ_SECONDS} ? "-max_total_time=$ENV{FUZZ_SECONDS}" : (), "-artifact_prefix=$lib/$name-", @$dictionary ? "-dict=$lib/$name.dict" : (), $corpus);
	# At its end libFuzzer ends the process, and so the connection.
	$node->psql('postgres', "SET search_path = casus, public; SELECT casus_fuzz(\$q\$$query\$q\$, " . join(', ', map { "'$_'" } @options) . ')',
		stdout => \$out, stderr => \$err);
	my $log = slurp_file($node->logfile, $from);
	my @found = glob "$lib/$name-*";
	my ($done, $covered) = $log =~ /^#(\d+)\s+DONE\s+cov: (\d+)/m;
	$runs = $done if $ENV{FUZZ_SECONDS} && $done && $done < $runs;
	is(($done // 0) - @found, $runs, "$name: as many inputs, none of which is a finding")
	  or diag($err, $log =~ /^(?:internal error|==\d+==).*$/mg, map { "\n$_:\n" . substr(slurp_file($_), 0, 2000) } @found);
	diag("counted: $name: " . ($done // 0) . ' inputs, ' . ($covered // 0) . ' edges');
	cmp_ok($covered // 0, '>', 20, "$name: guided by coverage (" . ($covered // 0) . ' edges)');
	return;
}

my @words = qw(uiterlijk gedurende year years month months week weeks day days after besluit afsluiten);
fuzz('term_text', 20000, q{SELECT t = t::text::casus.term AND casus.term_event(t) IS NOT NULL AND (casus.due_on(t, '2024-02-29') IS NOT NULL)
	FROM (SELECT convert_from($1, 'UTF8')::casus.term) x(t)},
	\@words, 'uiterlijk 1 year after afsluiten', 'gedurende 6 months after besluit', 'uiterlijk 3 weeks after x');
fuzz('term_binary', 20000, q{SELECT casus_receive($1, 'casus.term')::casus.term::text = casus_receive($1, 'casus.term')}, \@words,
	map { pack 'H*', $_ } split /\n/, $node->safe_psql('postgres', q{SELECT encode(casus.term_send(t::casus.term), 'hex')
		FROM (VALUES ('uiterlijk 1 year after afsluiten'), ('gedurende 6 months after besluit')) v(t)}));
fuzz('label', 20000, q{SELECT casus.label_text(l) IS NOT NULL AND (casus.dossier_of(l) IS NULL) = (casus.item_of(l) IS NULL)
	AND coalesce(casus.dossier_of(l), 1) > 0
	FROM (SELECT encode(substr($1 || decode(repeat('00', 16), 'hex'), 1, 16), 'hex')::uuid::casus.label) x(l)},
	[], 'outside casus...', "\0\0\0\0\0\0\0\1\0\0\0\1\0\1\1\1");

# The small document of the lint's own test; what has no error must load.
my ($document) = slurp_file("$ENV{CASUS_SRC}/sql/protocol.sql") =~ /AS SELECT \$\$(.*?)\$\$::jsonb/s;
my %keys = map { $_ => 1 } $document =~ /"([a-z_0-9]+)"/g;
fuzz('protocol', 2000, q{SELECT CASE WHEN EXISTS (SELECT FROM casus.lint_protocol(d) WHERE severity = 'error') THEN true
	ELSE casus.load_protocol(d) IS NOT NULL END FROM (SELECT convert_from($1, 'UTF8')::jsonb) x(d)}, [ map { "\\\"$_\\\"" } sort keys %keys ],
	$document, '{}', '[]', '{"name": "x", "phases": [{"name": 1}]}');

unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no crash');
$node->stop;
done_testing();
