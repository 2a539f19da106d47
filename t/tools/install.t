#!/usr/bin/perl

# `make install` puts everything where Debian would, into an empty folder; twice is once, and a
# configuration that somebody edited stays.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $dest = $t->dir . '/dest';
my $root = $t->root;

sub install {
    my $output = `make -s -C $root install DESTDIR=$dest 2>&1`;
    is($?, 0, 'make install') or diag $output;
}

install();
my $module = "$dest/usr/lib/nginx/modules/ngx_http_messaging_module.so";
my $worker = "$dest/usr/bin/messaging-worker";
my $unit = "$dest/lib/systemd/system/messaging-worker.service";
my $load = "$dest/usr/share/nginx/modules-available/mod-http-messaging.conf";
my $enabled = "$dest/etc/nginx/modules-enabled/50-mod-http-messaging.conf";
my $conf = "$dest/etc/messaging/worker.conf";
ok(-f $_, $_ =~ s/^\Q$dest\E//r) for $module, $worker, $unit, $load, $conf,
    "$dest/usr/share/doc/nginx-messaging/README.md", "$dest/usr/share/doc/nginx-messaging/LICENSE";
for my $kind (qw(import seed)) {
    for my $name (qw(marketplace monmariage pro-admin promoto)) {
        ok(-f "$dest/usr/share/nginx-messaging/$kind/$name.json", "$kind/$name.json");
    }
}
is(readlink $enabled, '/usr/share/nginx/modules-available/mod-http-messaging.conf', 'enabled as Debian does');
ok(-x $worker, 'the worker can be run');
like(`$worker --version`, qr/^messaging-worker \d/, 'and runs');

my @outside = grep { !m{^\Q$dest\E/(usr|etc|lib)(/|$)} } split /\n/, `find $dest -mindepth 1`;
is_deeply(\@outside, [], 'nothing stands elsewhere');

open my $file, '>>', $conf or die $!;
print $file "# mine\n";
close $file;
install();
like(`cat $conf`, qr/^# mine$/m, 'an edited configuration stays');

# The installed module serves, loaded as its configuration says.
my $text = `cat $load`;
like($text, qr{^load_module modules/ngx_http_messaging_module\.so;$}m, 'the module is loaded by its name');
my $profiles = "$dest/usr/share/nginx-messaging/profiles";
ok(-f "$profiles/README.md", 'the reference of profiles');
my @profiles = map { m{([^/]+)\.http\.conf$} } glob "$root/schema/profiles/*.http.conf";
cmp_ok(scalar @profiles, '>=', 5, 'profiles');
$t->conf(join "\n", 'server { listen 127.0.0.1:%%PORT%%; location /m { messaging; } }', map {
    "include $profiles/$_.http.conf; server { listen 127.0.0.1:@{[ Test::Messaging::free_port() ]}; include $profiles/$_.server.conf; }"
} @profiles);
my $nginx = $t->read_file('nginx.conf') =~ s/^load_module [^;]*;/load_module $module;/r;
$t->write_file('nginx.conf', $nginx);
my ($code, $says) = $t->nginx_test;
is($code, 0, 'nginx loads it, with the installed profiles') or diag $says;

# The unit, as far as it can be told without systemd running.
my $service = `cat $unit`;
like($service, qr/^$_$/m, $_ =~ s/\\//gr) for qw(NoNewPrivileges=\S+ ProtectSystem=strict
    PrivateTmp=\S+ MemoryDenyWriteExecute=\S+ SystemCallFilter=\S.* CapabilityBoundingSet= StateDirectory=messaging
    Restart=\S+);
like($service, qr{^ExecStart=/usr/bin/messaging-worker --config \S+/worker\.conf$}m, "starts what is installed");
like($service, qr{^LoadCredential=\S*/etc/messaging/worker\.conf$}m, "with the installed configuration");
SKIP: {
    skip 'no systemd-analyze', 1 if !-x '/usr/bin/systemd-analyze';
    my $copy = $service =~ s{^ExecStart=/usr/bin/messaging-worker}{ExecStart=$worker}mr;
    my $path = $t->write_file('messaging-worker.service', $copy);
    my $output = `systemd-analyze verify --man=no $path 2>&1`;
    unlike($output, qr/messaging-worker\.service:.*(Unknown|Failed|Invalid)/, 'systemd understands it') or diag $output;
}
done_testing();
