using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>Checks SAML messages, no more at once than there are cores: large forgeries must not take them from everybody else's sign-in.</summary>
internal sealed class SamlChecks(SsoOptions options) : IDisposable
{
    private readonly SemaphoreSlim _places = new(Environment.ProcessorCount);

    /// <summary>A verdict, and for a refusal what the response says of itself.</summary>
    /// <param name="requestId">Of the AuthnRequest; null when nobody asked for the response.</param>
    public Task<(SamlVerdict Verdict, SamlSurface? Surface)> CheckAsync(string response, SamlTrust trust, string? requestId, DateTimeOffset now, CancellationToken ct) => InPlaceAsync(() =>
    {
        var verdict = SamlResponse.Check(response, trust, requestId, now, options.ClockSkew);
        return (verdict, verdict is SamlVerdict.Accepted accepted ? SamlSurface.Of(accepted.Assertion, accepted.Evidence, trust) : SamlSurface.Read(response));
    }, ct);

    public async Task<T> InPlaceAsync<T>(Func<T> check, CancellationToken ct)
    {
        await _places.WaitAsync(ct);
        try
        {
            return check();
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();
}
