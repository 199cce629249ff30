using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Holdfast.Dev;

/// <summary>A code or access token that carries what it stands for, sealed (AES-256-GCM), so that the test providers keep nothing.</summary>
/// <remarks>Not single-use: these providers sign in whoever the form names, so a code that works twice within its minute gives nothing away.
/// Holdfast's own codes are another matter.</remarks>
internal static class SealedTicket
{
    private const int NonceSize = 12;
    private const int TagSize = 16;

    /// <param name="purpose">A ticket opens under the purpose it was sealed with, and no other.</param>
    public static string Seal<T>(byte[] key, string purpose, T content, DateTimeOffset expiresAt)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(new Ticket<T>(content, expiresAt));
        var sealedBytes = new byte[NonceSize + plain.Length + TagSize];
        var nonce = sealedBytes.AsSpan(0, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key, TagSize);
        aes.Encrypt(nonce, plain, sealedBytes.AsSpan(NonceSize, plain.Length), sealedBytes.AsSpan(NonceSize + plain.Length), Encoding.UTF8.GetBytes(purpose));
        return Base64Url.EncodeToString(sealedBytes);
    }

    /// <returns>Null when it is not ours, for something else, or has run out.</returns>
    public static T? Open<T>(byte[] key, string purpose, string ticket, DateTimeOffset now)
        where T : class
    {
        try
        {
            var sealedBytes = Base64Url.DecodeFromChars(ticket);
            if (sealedBytes.Length < NonceSize + TagSize)
            {
                return null;
            }
            var plain = new byte[sealedBytes.Length - NonceSize - TagSize];
            using var aes = new AesGcm(key, TagSize);
            aes.Decrypt(
                sealedBytes.AsSpan(0, NonceSize), sealedBytes.AsSpan(NonceSize, plain.Length), sealedBytes.AsSpan(NonceSize + plain.Length), plain,
                Encoding.UTF8.GetBytes(purpose));
            return JsonSerializer.Deserialize<Ticket<T>>(plain) is { } open && now < open.ExpiresAt ? open.Content : null;
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return null;
        }
    }

    private sealed record Ticket<T>(T Content, DateTimeOffset ExpiresAt);
}
