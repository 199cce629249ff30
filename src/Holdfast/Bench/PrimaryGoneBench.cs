using System.Globalization;

namespace Holdfast.Bench;

/// <summary><c>primary-gone</c>: the same sign-ins with the primary there and with its file under another process's lock, in turns, so that both see the same machine.</summary>
internal static class PrimaryGoneBench
{
    public const string Name = "primary-gone";

    private const int Rounds = 5;
    private const int SlicesPerArm = 4;
    private const int SignInsPerSlice = 200;
    private const int WarmUp = 1500;
    private const int AtOnce = 4;
    private const double MostRatio = 1.25;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly SignInMethod[] Methods = [SignInMethod.Saml, SignInMethod.OpenIdConnect];

    /// <summary>What one arm saw in one round.</summary>
    private sealed class Arm
    {
        public List<double> Milliseconds { get; } = [];

        public List<string> Failures { get; } = [];

        public TimeSpan Took { get; private set; }

        public void Add(SignInLoad.Result load)
        {
            Milliseconds.AddRange(load.Milliseconds);
            Failures.AddRange(load.Failures);
            Took += load.Took;
        }
    }

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var data = Directory.CreateTempSubdirectory("holdfast-bench-").FullName;
        try
        {
            await using var server = await DevServer.StartAsync(data, DevServer.FreePort(), ct);
            progress($"warming up: {WarmUp} sign-ins");
            await SignInLoad.RunAsync(server.SignIns, Methods, WarmUp, AtOnce, "warm", ct);
            await server.UntilPrimaryAsync(isGone: false, Patience, ct);
            var (healthy, gone) = (new List<Arm>(), new List<Arm>());
            for (var round = 0; round < Rounds; round++)
            {
                healthy.Add(new Arm());
                gone.Add(new Arm());
                for (var slice = 0; slice < SlicesPerArm; slice++)
                {
                    var who = string.Create(CultureInfo.InvariantCulture, $"{round}-{slice}");
                    // Which comes first changes: neither arm is always the one with the younger data.
                    var goneFirst = (round + slice) % 2 == 1;
                    if (!goneFirst)
                    {
                        healthy[^1].Add(await SignInLoad.RunAsync(server.SignIns, Methods, SignInsPerSlice, AtOnce, "healthy-" + who, ct));
                    }
                    gone[^1].Add(await WithoutPrimaryAsync(server, who, ct));
                    if (goneFirst)
                    {
                        healthy[^1].Add(await SignInLoad.RunAsync(server.SignIns, Methods, SignInsPerSlice, AtOnce, "healthy-" + who, ct));
                    }
                }
                progress(string.Create(CultureInfo.InvariantCulture,
                    $"round {round + 1} of {Rounds}: p99 {P99(healthy[^1]):0.0} ms healthy, {P99(gone[^1]):0.0} ms without the primary"));
            }
            return Results(healthy, gone);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task<SignInLoad.Result> WithoutPrimaryAsync(DevServer server, string who, CancellationToken ct)
    {
        SignInLoad.Result load;
        await server.UntilPrimaryAsync(isGone: false, Patience, ct);
        using (new PrimaryLock(server.Dev.PrimaryFile))
        {
            await server.UntilPrimaryAsync(isGone: true, Patience, ct);
            load = await SignInLoad.RunAsync(server.SignIns, Methods, SignInsPerSlice, AtOnce, "gone-" + who, ct);
        }
        await server.UntilPrimaryAsync(isGone: false, Patience, ct);   // catching up is not measured as healthy
        return load;
    }

    private static List<Measured> Results(List<Arm> healthy, List<Arm> gone)
    {
        var ratios = healthy.Zip(gone, (h, g) => P99(g) / P99(h)).ToList();
        var failed = gone.SelectMany(a => a.Failures).ToList();
        return
        [
            Measured.AtMost(0, "primary_gone/sso/holdfast/failed", failed.Count, "", failed.FirstOrDefault()),
            Measured.AtMost(0, "healthy/sso/holdfast/failed", healthy.Sum(a => a.Failures.Count), "", healthy.SelectMany(a => a.Failures).FirstOrDefault()),
            Measured.AtMost(MostRatio, "sign_in/ratio_to_healthy", Percentile.Of(ratios, 0.5), "",
                $"p99 without the primary over p99 with it; median of {string.Join(", ", ratios.Select(r => r.ToString("0.00", CultureInfo.InvariantCulture)))}"),
            .. Of("healthy", healthy),
            .. Of("primary_gone", gone),
        ];
    }

    private static IEnumerable<Measured> Of(string system, List<Arm> arms)
    {
        var all = arms.SelectMany(a => a.Milliseconds).ToList();
        yield return Measured.Of($"sign_in/{system}/per_second", all.Count / arms.Sum(a => a.Took.TotalSeconds), "1/s",
            $"{all.Count} sign-ins, half SAML, half OpenID Connect, {AtOnce} at once; the load generator is on the same machine");
        yield return Measured.Of($"sign_in/{system}/p50_ms", Percentile.Of(all, 0.5), "ms");
        yield return Measured.Of($"sign_in/{system}/p99_ms", Percentile.Of(all, 0.99), "ms");
    }

    private static double P99(Arm arm) => Percentile.Of(arm.Milliseconds, 0.99);
}
