#!/usr/bin/perl

# The README tells the truth: its directive and option tables are the code's, its nginx blocks
# start, its commands run.

use strict;
use warnings;
use File::Basename qw(basename);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $root = $t->root;

sub slurp {
    open my $file, '<', "$root/$_[0]" or die "$_[0]: $!";
    local $/;
    return scalar <$file>;
}
my $readme = slurp('README.md');

# --- Directives: names, contexts and defaults

my $code = slurp('ngx_module/ngx_http_messaging_module.cpp');
my ($table) = $code =~ /ngx_command_t commands\[\] = \{(.*?)ngx_null_command/s;
$table =~ s/\bkAnywhere\b/NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF/g;
my %code;
while ($table =~ /ngx_string\("(\w+)"\),\s*([\w\s|]+?),/g) {
    my ($name, $flags) = ($1, $2);
    $code{$name} = join ', ', grep { defined }
        ($flags =~ /HTTP_MAIN_CONF/ ? 'http' : undef), ($flags =~ /HTTP_SRV_CONF/ ? 'server' : undef),
        ($flags =~ /HTTP_LOC_CONF/ ? 'location' : undef);
}
my %default;
while ($code =~ /ngx_conf_(?:merge|init)_\w+_value\((?:own\.|conf->)(\w+)(?:, outer\.\w+)?, ([^)]+)\)/g) {
    my ($field, $value) = ($1, $2);
    my $name = 'messaging_' . ($field =~ s/([A-Z])/_\l$1/gr);
    $value =~ s/limits::kMaxBody/64 * 1024/;
    $value =~ s/limits::kMaxContent/10000/;
    $default{$name} = eval $value;
}
my %documented;
my ($section) = $readme =~ /^## Directives\n(.*?)^## /ms;
for my $line (grep { /^\| `messaging/ } split /\n/, $section) {
    $line =~ s/\\\|/ or /g;
    my (undef, $syntax, $default, $context) = map { s/^\s+|\s+$//gr } split /\|/, $line;
    my ($name) = $syntax =~ /^`(\w+)/;
    $documented{$name} = $context;
    next if !defined $default{$name};
    my $value = $default =~ /^(\d+)s$/ ? $1 * 1000 : $default =~ /^(\d+)h$/ ? $1 * 3_600_000
        : $default =~ /^(\d+)k$/ ? $1 * 1024 : $default eq 'on' ? 1 : $default;
    is($value, $default{$name}, "$name: default");
}
is_deeply(\%documented, \%code, 'the directive table is the code\'s');

# Their parameters, all together.
my %parameter;
while ($section =~ /^\| `(messaging[^`]*)`/mg) {
    my $syntax = $1;
    $parameter{$_} = 1 for $syntax =~ /(\w+)=/g;
}
my %taken;
for my $file (glob "$root/ngx_module/ngx_conf*.cpp") {
    my $setters = slurp("ngx_module/" . basename($file));
    $taken{$_} = 1 for $setters =~ /option\(\w+(?:\[\w+\])?,\s*"(\w+)"/g, $setters =~ /\{"(\w+)", &claims->/g;
}
is_deeply([sort keys %parameter], [sort keys %taken], 'every parameter is documented, and no other');

while ($code =~ /ngx_string\("(messaging_\w+)"\),\s*nullptr/g) {
    like($readme, qr/`\$$1`/, "variable \$$1 is documented");
}

# --- The worker's options

my $help = `$t->{build}/messaging-worker --help`;
my %options = map { $_ => 1 } $help =~ /^\s+(?:-\w,)?(--[a-z-]+)/mg;
delete @options{qw(--help --version --config)};
my %told = map { $_ => 1 } $readme =~ /^\| `(--[a-z-]+)` \|/mg;
is_deeply(\%told, \%options, 'the option table is the worker\'s');
for my $name (sort keys %options) {
    my $variable = 'MESSAGING_' . uc($name =~ s/^--//r =~ s/-/_/gr);
    like($readme, qr/\| `$name` \| `$variable` \|/, "$variable stands beside $name");
    like($help, qr/$variable/, "and the worker reads it");
}

# --- Every block

my @blocks;
while ($readme =~ /^```(\w*)\n(.*?)^```$/msg) {
    push @blocks, [$1, $2];
}
my $port = Test::Messaging::free_port();
my $demo_port = Test::Messaging::free_port();
$t->start_redis('--port', 0);
$t->write_file('site.key', 'k' x 48);
my $etc = $t->dir . '/etc';
mkdir $etc;
my $demo;

# What a block says, in this test's folder: the same commands, with root's places moved.
sub here {
    my ($text) = @_;
    $text =~ s/\bsudo //g;
    $text =~ s{make (install\S*)}{make $1 DESTDIR=$t->{dir}/dest}g;
    $text =~ s{/etc/messaging}{$etc}g;
    $text =~ s{\bsite\.key $etc}{$t->{dir}/site.key $etc};
    $text =~ s{127\.0\.0\.1:6379|unix:/run/redis/redis-server\.sock}{'unix:' . $t->redis_socket}ge;
    $text =~ s{listen 8081}{listen 127.0.0.1:$port};
    $text =~ s{127\.0\.0\.1:8081}{127.0.0.1:$port};
    $text =~ s{(127\.0\.0\.1|\.localhost):8080}{$1:$demo_port}g;
    return $text;
}

sub run_block {
    my ($text) = @_;
    my $script = $t->write_file('block.sh', "set -eu\ncd $root\n" . here($text));
    my $output = `bash $script 2>&1`;
    return ($? >> 8, $output);
}

sub start_demo {
    $t->spawn('demo', ["$root/scripts/demo"],
        env => { PORT => $demo_port, DEMO_DIR => "$t->{dir}/demo" });
    $t->wait_for('the demo', sub { $t->read_file('demo.log') =~ /^ready /m }, 120);
    $ENV{DEMO_DIR} = "$t->{dir}/demo";
}

for my $block (@blocks) {
    my ($language, $text) = @$block;
    my ($title) = split /\n/, $text;
    if ($language eq 'nginx') {
        my $inside = here($text) =~ s/\A\s*http \{\n(.*)\}\s*\z/$1/sr;
        $t->conf($inside, bare => 1);
        my ($status, $output) = $t->nginx_test;
        is($status, 0, 'nginx -t accepts the block that begins ' . $title) or diag $output;
        $t->{first_conf} //= $t->read_file('nginx.conf');
    } elsif ($language eq 'js') {
        my $path = $t->write_file('block.mjs', $text);
        like($text, qr{/api/messages}, 'the script uses the tutorial\'s location');
    } elsif ($language eq 'html') {
        pass('the page is t/browser/readme.mjs\'s to try');
    } elsif ($text =~ /^scripts\/demo$/m) {
        start_demo();
        pass('scripts/demo gets ready');
    } elsif ($text =~ /^scripts\/test$/m) {
        ok(-x "$root/scripts/test", 'scripts/test is what runs this');
    } elsif ($text =~ /systemctl/) {
        # The same start without systemd: the installed worker, nginx with the first block.
        $t->write_file('nginx.conf', $t->{first_conf});
        $t->spawn('worker', $t->worker_command('run'));
        $t->{port} = $port;
        $t->start_nginx;
        my ($url) = here($text) =~ /curl -s (\S+)/;
        $t->wait_for('status', sub { `curl -s $url` =~ /"status":"ok"/ });
        pass('the tutorial\'s site answers status ok');
    } else {
        my ($status, $output) = run_block($text);
        is($status, 0, "the commands that begin $title") or diag $output;
        like($output, qr/"count":1\b/, 'bob has one unread message') if $text =~ /unread-count/;
    }
}

# --- The site that keeps its own API: what its pages asked before, they ask still

my ($site) = grep { $_->[0] eq 'nginx' && $_->[1] =~ /messaging_profile/ } @blocks;
ok($site, 'there is the tutorial of a profile') or die;
$t->conf(here($site->[1]) =~ s/\A\s*http \{\n(.*)\}\s*\z/$1/sr, bare => 1);
$t->reload;
$t->{secret} = do { local (@ARGV, $/) = "$etc/site.key"; <> };
my %people = (rea => 'reader', lea => 'librarian', ada => 'admin');

# A request of the library's pages: its status, and its answer.
sub letters {
    my ($who, $method, $path, $body) = @_;
    my $r = $t->request($method, "/api/letters$path", $body, base => "http://127.0.0.1:$port",
        headers => { defined $who ? (Authorization => 'Bearer ' . $t->token($who, role => $people{$who})) : () });
    return ($r->{status}, $r->{json});
}
$t->wait_for('the library', sub { (letters('rea', 'GET', ''))[0] == 200 });
my ($status, $letter) = letters('rea', 'POST', '', { to => 'lea', bookId => 7, text => 'Is it back?' });
is($status, 201, 'a letter to a librarian');
is_deeply([sort keys %$letter], [qw(at from id text)], 'as the site shows one, and nothing else');
is_deeply([@$letter{qw(text from)}], ['Is it back?', 'rea'], 'what it says');
($status, my $all) = letters('lea', 'GET', '');
is_deeply([map { [@$_{qw(bookId librarianId unread)}] } @$all], [['7', 'lea', 1]], 'her list, an array');
is_deeply([sort keys %{ $all->[0] }], [qw(bookId id librarianId unread)], 'of these fields');
($status, my $page) = letters('lea', 'GET', "/$all->[0]{id}");
is_deeply([map { $_->{text} } @$page], ['Is it back?'], 'the conversation');
is_deeply([(letters('lea', 'GET', ''))[1][0]{unread}], [0], 'opening it read it');
is_deeply([letters('rea', 'POST', '', { to => 'lea', text => ' ' })],
    [400, { message => 'This value is not valid: text.' }], 'a refusal');
is_deeply([letters(undef, 'GET', '')], [401, { message => 'Sign in to use messaging.' }], 'another');
is((letters('ada', 'GET', ''))[0], 403, 'a role that it does not have');
is((letters('lea', 'GET', '/unread-count'))[1]{count}, 0, 'what it does not name stays');

# --- The tutorial's script, where a JavaScript engine is at hand, is the browser test's part.

$t->expect_alert(qr/\[emerg\]/);
$t->finish;
