using System.CommandLine;
using Holdfast.Dev;

namespace Holdfast.Verbs;

/// <summary><c>holdfast dev</c>: everything on the embedded store, with a demo environment and identity providers to try it with.</summary>
internal static class DevVerb
{
    public static Command Create()
    {
        var fresh = new Option<bool>("--fresh") { Description = "empty the data folder first" };
        var command = new Command("dev", "Runs everything on this machine, with a demo environment and built-in test identity providers.") { fresh };
        var options = new SettingsOptions(command, isDev: true);
        command.SetAction((parsed, ct) =>
        {
            var read = options.Read(parsed);
            if (parsed.GetValue(fresh) && read.Settings is { } settings)
            {
                Empty(settings.Data);
            }
            return ServeVerb.RunAsync(read, PrepareAsync, ct);
        });
        return command;
    }

    private static async Task PrepareAsync(WebApplication app, Settings settings, CancellationToken ct)
    {
        var demo = await Demo.PrepareAsync(app, settings, ct);
        Console.WriteLine($"""

            Holdfast is ready at {demo.BaseUrl}

              API key        {demo.ApiKey}
              Client id      {demo.ClientId}
              Organization   {demo.OrganizationId}  (Acme)
              Connections    {demo.Connections.Saml}  (SAML)
                             {demo.Connections.Oidc}  (OpenID Connect)
              Inbox          {demo.InboxUrl}

            Sign in now, as anybody you like:
              cd samples/node-app && npm install && npm start
              then open http://127.0.0.1:4199

            All of this is in {Path.Combine(settings.Data, "dev.json")}. Stop with Ctrl+C; --fresh begins anew.

            """);
    }

    /// <summary>Only what dev itself has made: a folder that it did not make is left as it is.</summary>
    private static void Empty(string data)
    {
        if (!Directory.Exists(data) || !File.Exists(Path.Combine(data, "dev-idp.json")))
        {
            return;
        }
        foreach (var name in (string[])["node.db", "node.db-wal", "node.db-shm", "primary.db", "primary.db-journal", "cluster.key", "node.key", "dev.json", "dev-idp.json"])
        {
            File.Delete(Path.Combine(data, name));
        }
    }
}
