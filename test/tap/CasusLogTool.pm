
=head1 CasusLogTool

A program made of the files that the server and tools share (extension/logsegment.c, logchain.c), compiled
with FRONTEND: it looks for changes of a log that would go unnoticed.

	my $tool = CasusLogTool::build($directory);           # undef: it cannot be built here
	run_command([ $tool, $key_file, $log_directory, $anchor, $count, $seed ]);

=cut

package CasusLogTool;

use strict;
use warnings;

sub build
{
	my ($directory) = @_;
	my $config = $ENV{PG_CONFIG} // 'pg_config';
	my %at = map { $_ => `$config --$_` =~ s/\s+$//r } qw(includedir-server includedir pkglibdir libdir);
	my $source = "$ENV{CASUS_SRC}/extension";
	my ($common) = grep { -e } map { "$_/libpgcommon.a" } $at{pkglibdir}, $at{libdir};
	return unless $common;
	my $port = $common =~ s/common\.a$/port.a/r;
	my $tool = "$directory/casus_log_tool";
	my @command = ('gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', '-Wno-sign-compare', '-DFRONTEND', '-D_GNU_SOURCE',
		split(' ', $ENV{COPT} // ''), '-isystem', $at{'includedir-server'}, '-isystem', $at{includedir}, '-I', $source,
		'-o', $tool, "$ENV{CASUS_SRC}/test/log/tool.c", "$source/logsegment.c", "$source/logchain.c", $common, $port, '-lcrypto', '-lm');
	return system(@command) == 0 ? $tool : undef;
}

1;
