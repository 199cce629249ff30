using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>Checks SAML messages, no more at once than there are cores: large forgeries must not take them from everybody else's sign-in.</summary>
internal sealed class SamlChecks(SsoOptions options) : IDisposable
{
    private readonly SemaphoreSlim _places = new(Environment.ProcessorCount);
    private readonly SemaphoreSlim _beside = new(1);

    /// <summary>A sign-in's verdict, and for a refusal what the response says of itself.</summary>
    /// <param name="requestId">Of the AuthnRequest; null when nobody asked for the response.</param>
    public Task<(SamlVerdict Verdict, SamlSurface? Surface)> CheckAsync(string response, SamlTrust trust, string? requestId, DateTimeOffset now, CancellationToken ct) =>
        InAsync(_places, () => Judge(response, trust, requestId, now), ct);

    /// <summary>The same, for an administrator who tries it again.</summary>
    public Task<(SamlVerdict Verdict, SamlSurface? Surface)> CheckAgainAsync(string response, SamlTrust trust, string? requestId, DateTimeOffset now, CancellationToken ct) =>
        BesideAsync(() => Judge(response, trust, requestId, now), ct);

    /// <summary>Whatever else is checked: one at a time, and in no sign-in's place.</summary>
    public Task<T> BesideAsync<T>(Func<T> check, CancellationToken ct) => InAsync(_beside, check, ct);

    private (SamlVerdict Verdict, SamlSurface? Surface) Judge(string response, SamlTrust trust, string? requestId, DateTimeOffset now)
    {
        var verdict = SamlResponse.Check(response, trust, requestId, now, options.ClockSkew);
        return (verdict, verdict is SamlVerdict.Accepted accepted ? SamlSurface.Of(accepted.Assertion, accepted.Evidence, trust) : SamlSurface.Read(response));
    }

    private static async Task<T> InAsync<T>(SemaphoreSlim places, Func<T> check, CancellationToken ct)
    {
        await places.WaitAsync(ct);
        try
        {
            return check();
        }
        finally
        {
            places.Release();
        }
    }

    public void Dispose()
    {
        _places.Dispose();
        _beside.Dispose();
    }
}
