using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Holdfast.Tests;

/// <summary>How a node starts, and when it refuses to.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task A_log_that_nobody_reads_loses_lines_and_holds_up_nobody()
    {
        await using var server = await HoldfastServer.StartAsync();

        Assert.Equal(ConsoleLoggerQueueFullMode.DropWrite, server.Services.GetRequiredService<IOptions<ConsoleLoggerOptions>>().Value.QueueFullMode);
    }

    [Theory]
    [InlineData("Host=", "a connection string with a Host is needed.")]
    [InlineData("Host=a;Password=hush;Nonsense=1", "not a connection string")]
    public void A_connection_string_that_is_none_is_refused_without_being_told(string text, string fault)
    {
        var command = new System.CommandLine.Command("serve");
        var options = new Verbs.SettingsOptions(command, isDev: false);
        var (settings, faults) = options.Read(command.Parse(["--primary", text, "--credentials", "ftp://x"]));
        Assert.Null(settings);
        Assert.Contains(faults, f => f.Contains(fault, StringComparison.Ordinal));
        Assert.Contains(faults, f => f.StartsWith("--credentials: ", StringComparison.Ordinal));
        Assert.DoesNotContain(faults, f => f.Contains("hush", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false, "", "http://10.0.0.2:4100,https://b.test", "")]
    [InlineData(false, "node:http://10.0.0.1:4100", "http://10.0.0.1:4100", "")]
    [InlineData(false, "node:10.0.0.1", "", "--primary: '10.0.0.1' is not an http or https origin.")]
    [InlineData(false, "mysql:x", "", "--primary: only sqlite:PATH, node:URL and a connection string of PostgreSQL (Host=…;Database=…) are known.")]
    [InlineData(false, "", "http://10.0.0.2/path", "--peers: 'http://10.0.0.2/path' is not an http or https origin.")]
    [InlineData(false, "", "http://10.0.0.2,http://10.0.0.2/", "--peers: 'http://10.0.0.2/' stands there twice.")]
    [InlineData(true, "", "http://10.0.0.2", "--peers: dev is one node, and its keys are lying about. Use 'holdfast serve'.")]
    [InlineData(true, "node:http://10.0.0.1", "", "--primary: dev keeps its primary itself. Use 'holdfast serve'.")]
    public void Other_nodes_are_named_by_their_origins_and_not_in_dev(bool isDev, string primary, string peers, string fault)
    {
        var command = new System.CommandLine.Command("serve");
        var options = new Verbs.SettingsOptions(command, isDev);
        string[] args = [.. primary.Length > 0 ? ["--primary", primary] : Array.Empty<string>(), .. peers.Length > 0 ? ["--peers", peers] : Array.Empty<string>()];
        var (settings, faults) = options.Read(command.Parse(args));
        Assert.Equal(fault.Length == 0 ? [] : [fault], faults);
        if (settings is not null)
        {
            Assert.Equal(peers.Length == 0 ? 0 : peers.Split(',').Length, settings.Peers.Count);
            Assert.Equal(primary.Length > 0, settings.PrimaryNode is not null);
        }
    }

    [Theory]
    [InlineData("127.0.0.1, [::1]:5353,10.0.0.1:5300", "127.0.0.1:53 [::1]:5353 10.0.0.1:5300", "")]
    [InlineData("", "", "")]
    [InlineData("dns.example", "", "--dns: 'dns.example' is not an address, with a port or without.")]
    [InlineData("10.0.0.1:99999", "", "--dns: '10.0.0.1:99999' is not an address, with a port or without.")]
    public void Resolvers_are_named_by_their_addresses(string dns, string resolvers, string fault)
    {
        var command = new System.CommandLine.Command("serve");
        var options = new Verbs.SettingsOptions(command, isDev: false);

        var (settings, faults) = options.Read(command.Parse(["--dns", dns]));

        Assert.Equal(fault.Length == 0 ? [] : [fault], faults);
        Assert.Equal(resolvers, string.Join(' ', settings?.Dns ?? []));
    }

    [Fact]
    public async Task A_node_with_data_refuses_to_start_without_its_cluster_s_key()
    {
        using var folder = new Folder();
        var key = Path.Combine(folder.Data, "cluster.key");
        await using var before = await HoldfastServer.StartAsync(new Start(Data: folder.Data));
        var organization = await before.OrganizationAsync();
        await before.DisposeAsync();
        File.Move(key, key + ".kept");

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => HoldfastServer.StartAsync(new Start(Data: folder.Data), before.A, before.B));

        Assert.Contains(key, refused.Message, StringComparison.Ordinal);
        Assert.Contains("is not there", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(key), "a new key was made, which opens nothing");
        File.Move(key + ".kept", key);
        await using var after = await HoldfastServer.StartAsync(new Start(Data: folder.Data), before.A, before.B);
        (await after.GetAsync($"/organizations/{organization}")).Is(200);
    }

    [Fact]
    public async Task A_node_with_data_refuses_to_start_with_another_cluster_s_key()
    {
        using var folder = new Folder();
        using var other = new Folder();
        var key = Path.Combine(folder.Data, "cluster.key");
        await using var before = await HoldfastServer.StartAsync(new Start(Data: folder.Data));
        var organization = await before.OrganizationAsync();
        await before.DisposeAsync();
        await using (await HoldfastServer.StartAsync(new Start(Data: other.Data)))
        {
            File.Move(key, key + ".kept");
            File.Copy(Path.Combine(other.Data, "cluster.key"), key);
        }

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => HoldfastServer.StartAsync(new Start(Data: folder.Data), before.A, before.B));

        Assert.Contains(key, refused.Message, StringComparison.Ordinal);
        Assert.Contains("it is another cluster's", refused.Message, StringComparison.Ordinal);
        File.Move(key + ".kept", key, overwrite: true);
        await using var after = await HoldfastServer.StartAsync(new Start(Data: folder.Data), before.A, before.B);
        (await after.GetAsync($"/organizations/{organization}")).Is(200);
    }

    [Fact]
    public async Task A_start_that_fails_exits_with_1_and_one_that_is_told_to_stop_with_0()
    {
        using var folder = new Folder();
        var command = new System.CommandLine.Command("serve");
        var options = new Verbs.SettingsOptions(command, isDev: false);
        (Verbs.Settings?, IReadOnlyList<string>) Read(string data, params string[] more) =>
            options.Read(command.Parse(["--data", data, "--urls", $"http://127.0.0.1:{HoldfastServer.FreePort()}", .. more]));
        static Task Ready(Microsoft.AspNetCore.Builder.WebApplication app, Verbs.Settings settings, CancellationToken ct) => Task.CompletedTask;
        using var stop = new CancellationTokenSource();

        Assert.Equal(2, await Verbs.ServeVerb.RunAsync(Read(folder.Data, "--primary", "mysql:x"), Ready, stop.Token));
        Assert.Equal(1, await Verbs.ServeVerb.RunAsync(Read(folder.Data, "--primary", $"node:http://127.0.0.1:{HoldfastServer.FreePort()}"), Ready, stop.Token));   // an empty disk, and nobody to fill it
        var kept = Path.Combine(folder.Data, "real");
        Assert.Equal(1, await Verbs.ServeVerb.RunAsync(Read(kept), (_, _, _) => throw new InvalidDataException("The environment is damaged."), stop.Token));
        Assert.Equal(1, await Verbs.ServeVerb.RunAsync(Read(kept), (_, _, _) => throw new OperationCanceledException(), stop.Token));   // given up by itself: nobody told it to stop
        Assert.Equal(1, await Verbs.ServeVerb.RunAsync(Read(Path.Combine(kept, "node.db")), Ready, stop.Token));
        Assert.Equal(0, await Verbs.ServeVerb.RunAsync(Read(kept), (_, _, _) => stop.CancelAsync(), stop.Token));
        Assert.Equal(0, await Verbs.ServeVerb.RunAsync(Read(kept), Ready, stop.Token));
    }

    [Fact]
    public async Task A_node_that_goes_says_so_serves_on_and_ends_each_connection_with_its_next_answer()
    {
        await using var server = await HoldfastServer.StartAsync();
        var readiness = server.Services.GetRequiredService<Readiness>();
        readiness.IsPrepared = true;
        (await server.GetAsync("/health/ready")).Is(200);
        var organization = await server.OrganizationAsync();

        readiness.IsStopping = true;

        Assert.True((await server.GetAsync("/health/ready")).Is(503, "stopping").Headers.ConnectionClose);
        Assert.True((await server.GetAsync($"/organizations/{organization}")).Is(200).Headers.ConnectionClose);
    }

    [Fact]
    public async Task What_a_node_keeps_is_its_owner_s_alone()
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        using var folder = new Folder();
        await using var server = await HoldfastServer.StartAsync(new Start(Data: folder.Data));
        await server.OrganizationAsync();

        Assert.Equal(Owner, File.GetUnixFileMode(folder.Data));
        var files = Directory.GetFiles(folder.Data, "*", SearchOption.AllDirectories);
        foreach (var name in new[] { "node.db", "primary.db", "cluster.key" })
        {
            Assert.Contains(Path.Combine(folder.Data, name), files);
        }
        Assert.All(files, f => Assert.Equal((f, UnixFileMode.None), (f, File.GetUnixFileMode(f) & ~Owner)));
    }

    [Fact]
    public async Task Nothing_watches_the_folder_that_a_node_works_in()
    {
        await using var server = await HoldfastServer.StartAsync();
        var files = ((IConfigurationRoot)server.Services.GetRequiredService<IConfiguration>()).Providers.OfType<FileConfigurationProvider>().ToList();
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.False(file.Source.ReloadOnChange));   // a watcher is woken by each write to a database below it
    }

    /// <summary>A data folder that the node makes itself.</summary>
    private sealed class Folder : IDisposable
    {
        private readonly string _outer = Directory.CreateTempSubdirectory("holdfast-test-").FullName;

        public string Data => Path.Combine(_outer, "data");

        public void Dispose() => Directory.Delete(_outer, recursive: true);
    }
}
