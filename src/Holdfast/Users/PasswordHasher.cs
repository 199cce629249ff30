using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>Hashes and checks passwords beside the requests, as many at a time as there are processors: each takes one, and megabytes.</summary>
internal sealed class PasswordHasher(Entropy entropy) : IDisposable
{
    private const int SaltBytes = 16;

    private readonly Lazy<PasswordHash> _nobodys = new(() => PasswordHash.Make("", entropy.Bytes(SaltBytes)));
    private readonly SemaphoreSlim _places = new(Environment.ProcessorCount);

    /// <summary>A new password's hash, as it is kept.</summary>
    public Task<string> HashAsync(string password, CancellationToken ct) => RunAsync(() => PasswordHash.Make(password, entropy.Bytes(SaltBytes)).ToString(), ct);

    /// <summary>An imported hash, as it is kept; null when it is not one of this type, or out of bounds.</summary>
    public Task<string?> ImportAsync(string text, string type, bool saltIsPrefix, CancellationToken ct) =>
        RunAsync(() => PasswordHash.Import(text, type, saltIsPrefix, entropy.Bytes(SaltBytes))?.ToString(), ct);

    /// <summary>Whether a kept hash is of this password.</summary>
    public Task<bool> OpensAsync(string hash, string password, CancellationToken ct) => RunAsync(() => PasswordHash.Read(hash)?.Opens(password) == true, ct);

    /// <summary>Takes as long as checking one of ours: for an address that has none.</summary>
    public Task PretendAsync(string password, CancellationToken ct) => RunAsync(() => _nobodys.Value.Opens(password), ct);

    /// <summary>Whether a kept hash should be made anew when its password is seen.</summary>
    public static bool IsOld(string hash) => PasswordHash.Read(hash) is { IsOld: true };

    public void Dispose() => _places.Dispose();

    private async Task<T> RunAsync<T>(Func<T> work, CancellationToken ct)
    {
        await _places.WaitAsync(ct);
        try
        {
            return await Task.Run(work, ct);
        }
        finally
        {
            _places.Release();
        }
    }
}
