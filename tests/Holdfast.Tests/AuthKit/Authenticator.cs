using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Holdfast.Tests.AuthKit;

/// <summary>A passkey in software: ES256, no attestation (WebAuthn §6, §8.7). What it says can be falsified, each thing by itself.</summary>
internal sealed class Authenticator : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public byte[] CredentialId { get; init; } = RandomNumberGenerator.GetBytes(32);

    public byte[] UserHandle { get; private set; } = [];

    /// <summary>0 for one that does not count.</summary>
    public uint SignCount { get; set; } = 1;

    /// <summary>What is said in place of the truth; null for the truth.</summary>
    /// <param name="Flags">Present 1, verified 4, attested data 64.</param>
    public sealed record Lie(string? Origin = null, bool? CrossOrigin = null, string? Type = null, byte[]? Challenge = null, string? RpId = null, byte? Flags = null, byte[]? UserHandle = null, bool WrongSignature = false);

    public string Register(string options, Lie? lie = null)
    {
        using var asked = JsonDocument.Parse(options);
        UserHandle = Decode(asked.RootElement.GetProperty("user").GetProperty("id").GetString()!);
        var rpId = lie?.RpId ?? asked.RootElement.GetProperty("rp").GetProperty("id").GetString()!;
        var client = ClientData("webauthn.create", asked, lie);
        var point = _key.ExportParameters(includePrivateParameters: false).Q;
        // COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        byte[] cose = [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20, .. point.X!, 0x22, 0x58, 0x20, .. point.Y!];
        byte[] data = [.. Data(rpId, lie?.Flags ?? 0x45), .. new byte[16], 0, (byte)CredentialId.Length, .. CredentialId, .. cose];
        byte[] attestation =
        [
            0xA3, 0x63, .. "fmt"u8, 0x64, .. "none"u8, 0x67, .. "attStmt"u8, 0xA0, 0x68, .. "authData"u8, 0x59, (byte)(data.Length >> 8), (byte)data.Length, .. data,
        ];
        return Write(new { clientDataJSON = Encode(client), attestationObject = Encode(attestation), transports = new[] { "internal" } });
    }

    public string Sign(string options, Lie? lie = null)
    {
        using var asked = JsonDocument.Parse(options);
        var client = ClientData("webauthn.get", asked, lie);
        var data = Data(lie?.RpId ?? asked.RootElement.GetProperty("rpId").GetString()!, lie?.Flags ?? 0x05);
        var signature = _key.SignData([.. data, .. SHA256.HashData(client)], HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        if (lie?.WrongSignature == true)
        {
            signature[^1] ^= 1;
        }
        return Write(new { clientDataJSON = Encode(client), authenticatorData = Encode(data), signature = Encode(signature), userHandle = Encode(lie?.UserHandle ?? UserHandle) });
    }

    public void Dispose() => _key.Dispose();

    private byte[] Data(string rpId, byte flags)
    {
        var count = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(count, SignCount);
        return [.. SHA256.HashData(Encoding.UTF8.GetBytes(rpId)), flags, .. count];
    }

    private static byte[] ClientData(string type, JsonDocument asked, Lie? lie) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        type = lie?.Type ?? type,
        challenge = lie?.Challenge is { } other ? Encode(other) : asked.RootElement.GetProperty("challenge").GetString(),
        origin = lie?.Origin ?? "https://id.holdfast.test",
        crossOrigin = lie?.CrossOrigin ?? false,
    });

    private string Write(object response) => JsonSerializer.Serialize(new
    {
        id = Encode(CredentialId), rawId = Encode(CredentialId), type = "public-key", authenticatorAttachment = "platform", clientExtensionResults = new { }, response,
    });

    private static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static byte[] Decode(string text) => Convert.FromBase64String(text.Replace('-', '+').Replace('_', '/').PadRight((text.Length + 3) / 4 * 4, '='));
}
