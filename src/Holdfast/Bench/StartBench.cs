using System.Diagnostics;
using System.Globalization;

namespace Holdfast.Bench;

/// <summary><c>start</c>: from the start of the process until the first person is signed in, and the memory that the server then rests at.</summary>
internal static class StartBench
{
    public const string Name = "start";

    private const int Starts = 5;
    private const int SignInsBeforeRest = 500;
    private const double MostSeconds = 2;
    private const double MostMegabytes = 200;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(5);

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var data = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;
        try
        {
            var port = DevServer.FreePort();
            var first = await StartAsync("an empty disk");
            var again = new List<(double Ready, double SignedIn, double Processor, double Megabytes)>();
            for (var start = 0; start < Starts; start++)
            {
                again.Add(await StartAsync($"start {start + 1} of {Starts}"));
            }
            double afterLoad;
            await using (var server = await DevServer.StartAsync(data, port, ct))
            {
                await SignInLoad.RunAsync(server.SignIns, Enum.GetValues<SignInMethod>(), SignInsBeforeRest, 4, "load", ct);
                await Task.Delay(Rest, ct);
                afterLoad = Megabytes(server.Process);
            }
            var all = string.Join(", ", again.Select(a => a.SignedIn.ToString("0.00", CultureInfo.InvariantCulture)));
            return
            [
                Measured.AtMost(MostSeconds, "start/first_sign_in_s", Percentile.Of(again.Select(a => a.SignedIn), 0.5), "s", $"on existing data, by SAML; median of {all}"),
                Measured.Of("start/first_sign_in_processor_s", Percentile.Of(again.Select(a => a.Processor), 0.5), "s", "processor time until then, which a busy machine does not change"),
                Measured.Of("start/ready_s", Percentile.Of(again.Select(a => a.Ready), 0.5), "s"),
                Measured.Of("start/empty_disk_first_sign_in_s", first.SignedIn, "s", "the very first start: makes keys, schema and the demo environment"),
                Measured.AtMost(MostMegabytes, "memory/rest_mb", Percentile.Of(again.Select(a => a.Megabytes), 0.5), "MB", $"resident, {Rest.TotalSeconds} s after the first sign-in"),
                Measured.Of("memory/rest_after_load_mb", afterLoad, "MB", $"resident, {Rest.TotalSeconds} s after {SignInsBeforeRest} sign-ins"),
            ];

            async Task<(double Ready, double SignedIn, double Processor, double Megabytes)> StartAsync(string what)
            {
                await using var server = await DevServer.StartAsync(data, port, ct);
                var ready = Stopwatch.GetElapsedTime(server.StartedAt).TotalSeconds;
                await server.SignIns.SignInAsync(SignInMethod.Saml, "ada@acme.test", ct);
                var signedIn = Stopwatch.GetElapsedTime(server.StartedAt).TotalSeconds;
                server.Process.Refresh();
                var processor = server.Process.TotalProcessorTime.TotalSeconds;
                await Task.Delay(Rest, ct);
                var megabytes = Megabytes(server.Process);
                progress(string.Create(CultureInfo.InvariantCulture, $"{what}: ready after {ready:0.00} s, first sign-in after {signedIn:0.00} s, {megabytes:0} MB"));
                await server.StopAsync();
                return (ready, signedIn, processor, megabytes);
            }
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static double Megabytes(Process process)
    {
        process.Refresh();
        return process.WorkingSet64 / 1e6;
    }
}
