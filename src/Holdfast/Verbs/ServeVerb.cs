using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;

namespace Holdfast.Verbs;

/// <summary><c>holdfast serve</c>: one node.</summary>
internal static class ServeVerb
{
    public static Command Create()
    {
        var command = new Command("serve", "Runs one node.");
        var options = new SettingsOptions(command, isDev: false);
        command.SetAction((parsed, ct) => RunAsync(options.Read(parsed), BootstrapAsync, ct));
        return command;
    }

    /// <summary>Starts, prepares, tells that it is ready, and runs until it is told to stop.</summary>
    /// <param name="map">Routes that a drill's own program adds.</param>
    public static async Task<int> RunAsync(
        (Settings? Settings, IReadOnlyList<string> Faults) read, Func<WebApplication, Settings, CancellationToken, Task> prepare, CancellationToken ct,
        Action<WebApplication, StorageHost>? map = null)
    {
        if (read.Settings is not { } settings)
        {
            foreach (var fault in read.Faults)
            {
                await Console.Error.WriteLineAsync(fault);
            }
            return 2;
        }
        try
        {
            var server = await Server.StartAsync(settings, ct, map: map);
            await using (server)
            {
                await prepare(server.App, settings, ct);
                server.Readiness.IsPrepared = true;
                await UntilStoppedAsync(server.App.Lifetime, ct);
                await GoAsync(server, settings.StopAfter);
            }
            return ct.IsCancellationRequested ? 0 : 1;   // nobody said so: a part of it gave up, and has said why
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception fault)
        {
            await Console.Error.WriteLineAsync($"holdfast: {fault.Message}");
            return 1;
        }
    }

    /// <summary>Until somebody says so, or a part of the server gave up.</summary>
    private static async Task UntilStoppedAsync(IHostApplicationLifetime server, CancellationToken ct)
    {
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(ct, server.ApplicationStopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, stopped.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Serves on while it says that it goes. A request on a connection that the node ends under it could be one that nobody may send again.</summary>
    /// <remarks>Who says it a second time does not want to wait.</remarks>
    private static async Task GoAsync(Server server, TimeSpan after)
    {
        server.Readiness.IsStopping = true;
        using var atOnce = new CancellationTokenSource();
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Hurry);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Hurry);
        await Task.Delay(after, server.App.Services.GetRequiredService<TimeProvider>(), atOnce.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        void Hurry(PosixSignalContext signal)
        {
            signal.Cancel = true;   // it ends by itself
            atOnce.Cancel();
        }
    }

    /// <summary>The first start on an empty primary: an environment, and a file that only its owner reads.</summary>
    public static async Task BootstrapAsync(WebApplication app, Settings settings, CancellationToken ct)
    {
        var environments = app.Services.GetRequiredService<EnvironmentStore>();
        var (path, pending) = (Path.Combine(settings.Data, "bootstrap.json"), Path.Combine(settings.Data, "bootstrap.pending.json"));
        // The key is on the disk before the environment is in the primary: a crash between the two must not leave an environment that nobody can call.
        if (environments.FindFirst() is null)
        {
            await environments.CreateAsync("Production", "sk_live_", ct, made => OwnFile.Write(pending, JsonSerializer.SerializeToUtf8Bytes(
                new { api_key = made.ApiKey, client_id = made.ClientId, environment_id = made.Id }, JavaScriptJson.Indented)));
        }
        if (File.Exists(pending) && !File.Exists(path))
        {
            OwnFile.Rename(pending, path);
            Console.WriteLine($"A first environment was made. Its API key is in {path}.");
        }
    }
}
