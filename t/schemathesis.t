#!/usr/bin/perl

# schemathesis makes requests from schema/openapi.yaml, right and wrong ones, alone and one after
# another as their answers allow, and holds every answer to it. Everything it can check is checked.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $program = `$FindBin::Bin/../scripts/schemathesis`;
chomp $program;
if (!$program) {
    plan skip_all => 'schemathesis cannot be installed here' if ($ENV{CI} // '') ne 'true';
    BAIL_OUT('schemathesis cannot be installed');
}

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; messaging_teams desk; messaging_rate off; messaging_streams_per_user 1000; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');
$t->send_text('bob', $id, "n $_") for 1 .. 5;

my @command = ($program, '--config-file', "$FindBin::Bin/lib/schemathesis/schemathesis.toml", 'run',
    "$FindBin::Bin/../schema/openapi.yaml", '--url', 'http://127.0.0.1:' . $t->port . '/api/messages',
    '--header', 'Authorization: Bearer ' . $t->token('alice', role => 'desk'),
    '--checks', 'all', '--max-examples', $ENV{SCHEMATHESIS_EXAMPLES} // 40, '--no-color');
chdir "$FindBin::Bin/.." or die $!;
open my $pipe, '-|', @command or die "schemathesis: $!";
my @lines = <$pipe>;
close $pipe;
is($?, 0, 'nothing found') or diag @lines;
my ($cases) = join('', @lines) =~ /^\s*(\d+) generated/m;
cmp_ok($cases // 0, '>', 500, 'by many cases');
like(join('', @lines), qr/Tested: 12$/m, 'of all operations');
note $lines[-1];

my ($code, $output) = $t->worker_run('check');
is($code, 0, 'check finds no drift afterwards') or diag $output;
$t->finish;
