using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>What a provider of plain OAuth 2.0 says of an account, in a shape of its own: read as strictly as what OpenID Connect has a shape for.</summary>
public static class AccountDocument
{
    /// <summary>The largest that is read, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <returns>Null for anything but one JSON value of at most <see cref="MaxBytes"/>, without a name that stands twice.</returns>
    public static JsonElement? Read(ReadOnlySpan<byte> json) => StrictJson.TryRead(json, MaxBytes, out var value) ? value : null;
}
