using System.CommandLine;
using System.Runtime.CompilerServices;
using Dapper;
using Holdfast.Dev;
using Holdfast.Storage.Node;
using Holdfast.Verbs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Drills;

/// <summary>The server of <c>holdfast dev</c>, all of it, whose node is planted not to wait for its disk: the drill must find that out.</summary>
internal static class CarelessServer
{
    public const string Switch = "--careless-server";

    /// <param name="arguments">Those of <c>holdfast dev</c>.</param>
    public static Task<int> RunAsync(string[] arguments)
    {
        var command = new Command("dev");
        var options = new SettingsOptions(command, isDev: true);
        command.SetAction((parsed, ct) => ServeVerb.RunAsync(options.Read(parsed), PrepareAsync, ct));
        return new RootCommand { command }.Parse(["dev", .. arguments]).InvokeAsync(Stopping.Patiently);
    }

    private static async Task PrepareAsync(WebApplication app, Settings settings, CancellationToken ct)
    {
        var node = Connection(app.Services.GetRequiredService<NodeStore>().Writer);
        while (node.ExecuteScalar<long>("PRAGMA synchronous") != 0)
        {
            try
            {
                node.Execute("PRAGMA synchronous = OFF");
            }
            catch (SqliteException)
            {
                await Task.Yield();   // not inside a transaction
            }
        }
        await Demo.PrepareAsync(app, settings, ct);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_connection")]
    private static extern ref SqliteConnection Connection(NodeWriter writer);
}
