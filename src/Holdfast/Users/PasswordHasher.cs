using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>Hashes and checks passwords, each when it is its environment's turn. Every call may be turned away: <see cref="Http.BusyException"/>, answered with 429.</summary>
internal sealed class PasswordHasher(HashQueue queue, Entropy entropy)
{
    private const int SaltBytes = 16;

    /// <summary>A new password's hash, as it is kept.</summary>
    public Task<string> HashAsync(string environmentId, string password, CancellationToken ct) =>
        queue.RunAsync(environmentId, PasswordHash.Nobodys.Megabytes, () => PasswordHash.Make(password, entropy.Bytes(SaltBytes)).ToString(), ct);

    /// <summary>An imported hash, as it is kept; null when it is not one of this type, or out of bounds.</summary>
    public Task<string?> ImportAsync(string environmentId, string text, string type, bool saltIsPrefix, CancellationToken ct) =>
        queue.RunAsync(environmentId, PasswordHash.Nobodys.Megabytes, () => PasswordHash.Import(text, type, saltIsPrefix, entropy.Bytes(SaltBytes))?.ToString(), ct);

    /// <summary>Whether a kept hash is of this password.</summary>
    public Task<bool> OpensAsync(string environmentId, string hash, string password, CancellationToken ct) => PasswordHash.Read(hash) is { } kept
        ? queue.RunAsync(environmentId, kept.Megabytes, () => kept.Opens(password), ct)
        : Task.FromResult(false);

    /// <summary>Takes as long as checking one of ours.</summary>
    public Task PretendAsync(string environmentId, string password, CancellationToken ct) =>
        queue.RunAsync(environmentId, PasswordHash.Nobodys.Megabytes, () => PasswordHash.Nobodys.Opens(password), ct);

    /// <summary>Whether a kept hash should be made anew when its password is seen.</summary>
    public static bool IsOld(string hash) => PasswordHash.Read(hash) is { IsOld: true };
}
