using System.Text.Json;
using Holdfast.Protocols.Flags;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Flags.Sources;

/// <summary>Makes the source that the operator named, and declares what it calls.</summary>
internal static class FlagSources
{
    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_besideStream = TimeSpan.FromSeconds(30);

    public static IFlagSource Of(FlagSetting setting, string node, Dependencies dependencies, OperatorHttp http, Entropy entropy, TimeProvider clock, Action<FlagRound> noted)
    {
        Dependency Declare(string name, Uri? at = null) => dependencies.Add(at is null
            ? new Dependency(Catalogue.Flags.Of(name), clock)
            : new Dependency(Catalogue.Flags.Of(name), clock) { Probe = ct => http.ReachAsync(at, ct), IsProbeAKnock = true });
        PolledSource Polled(Func<CancellationToken, Task<FlagNews?>> ask, Func<byte[], FlagSet> read, TimeSpan steady) => new(ask, read, new Pace(steady, entropy), clock, noted);
        PolledSource ByHttp(string name, HttpMethod method, Uri uri, byte[]? body, IReadOnlyList<KeyValuePair<string, string>> headers, Func<byte[], FlagSet> read, TimeSpan steady) =>
            Polled(new HttpFlags(http, Declare(name, uri), method, uri, body, headers, read).AskAsync, read, steady);
        var (place, key) = (setting.Place, setting.Key);
        switch (setting.Kind)
        {
            case "file":
                var file = new FileOfFlags(setting.Place, Declare("file"));
                return Polled(file.AskAsync, FileFlags.Parse, TimeSpan.FromSeconds(5));
            case "unleash":
                return ByHttp(
                    "unleash", HttpMethod.Get, new Uri(place + (place.EndsWith("/api", StringComparison.Ordinal) ? "" : "/api") + "/client/features"), null,
                    [.. Key(key, ""), new("UNLEASH-APPNAME", "holdfast"), new("UNLEASH-INSTANCEID", node)], bytes => UnleashFlags.Parse(bytes, node), s_poll);
            case "ofrep":
                return ByHttp(
                    "ofrep", HttpMethod.Post, new Uri(place + "/ofrep/v1/evaluate/flags"), JsonSerializer.SerializeToUtf8Bytes(new { context = new { targetingKey = node } }), Key(key, "Bearer "),
                    OfrepFlags.Parse, s_poll);
            case "launchdarkly":
                // The vendor's own stream and poll are two hosts; whoever stands in for it is one.
                var poll = ByHttp(
                    "launchdarkly:poll", HttpMethod.Get, new Uri(place.Replace("//stream.", "//sdk.", StringComparison.Ordinal) + "/sdk/latest-all"), null, Key(key, ""),
                    bytes => LaunchDarklyFlags.Parse(bytes), s_besideStream);
                return new LaunchDarklySource(
                    http, Declare("launchdarkly", new Uri(place)), new Uri(place + "/all"), [.. Key(key, ""), new("Accept", "text/event-stream")], poll, new Pace(Pace.Least, entropy), clock, noted);
            default:
                throw new InvalidOperationException($"No such kind of flag provider: {setting.Kind}.");
        }
    }

    private static KeyValuePair<string, string>[] Key(string? key, string scheme) => key is null ? [] : [new("Authorization", scheme + key)];

    /// <summary>A file, read again when it is another: a call like any other, because a disk may hang too.</summary>
    private sealed class FileOfFlags(string path, Dependency disk)
    {
        private (DateTime, long)? _seen;

        public async Task<FlagNews?> AskAsync(CancellationToken ct)
        {
            var (news, seen) = await disk.CallAsync(
                async token =>
                {
                    var info = new FileInfo(path);
                    var stands = (info.LastWriteTimeUtc, info.Length);   // throws when there is none
                    if (stands == _seen)
                    {
                        return ((FlagNews?)null, stands);
                    }
                    if (info.Length > HttpFlags.MostBytes)
                    {
                        throw new OutageException(Trouble.Wrong, "The file is larger than allowed.");
                    }
                    var bytes = await File.ReadAllBytesAsync(path, token);
                    try
                    {
                        return (new FlagNews(FileFlags.Parse(bytes), () => bytes), stands);
                    }
                    catch (FlagDocumentException fault)
                    {
                        throw new OutageException(Trouble.Wrong, fault.Message, fault);
                    }
                },
                ct);
            _seen = seen;
            return news;
        }
    }
}
