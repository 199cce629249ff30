using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Users;
using Microsoft.AspNetCore.Identity;

namespace Holdfast.AuthKit;

/// <summary>Whose passkeys are looked at.</summary>
internal sealed record PasskeyOwner(string Id);

/// <summary>Our factors, as the checker of ASP.NET Core Identity reads them. It only reads: what an answer changes, our own rules say.</summary>
internal sealed class PasskeyStore(Database database, string environmentId, byte[] idKey) : IUserPasskeyStore<PasskeyOwner>
{
    public Task<PasskeyOwner?> FindByIdAsync(string userId, CancellationToken cancellationToken) =>
        Task.FromResult(database.Read(view => UserStore.Find(view, environmentId, userId)) is { } user ? new PasskeyOwner(user.Id) : null);

    public Task<string> GetUserIdAsync(PasskeyOwner user, CancellationToken cancellationToken) => Task.FromResult(user.Id);

    public Task<IList<UserPasskeyInfo>> GetPasskeysAsync(PasskeyOwner user, CancellationToken cancellationToken) => Task.FromResult<IList<UserPasskeyInfo>>(
        [.. database.Read(view => Factor.Of(view, environmentId, user.Id, Factor.Passkey)).Select(Write)]);

    public Task<UserPasskeyInfo?> FindPasskeyAsync(PasskeyOwner user, byte[] credentialId, CancellationToken cancellationToken) => Task.FromResult(
        database.Read(view => Passkey.Find(view, environmentId, idKey, credentialId)) is { } factor && factor.UserId == user.Id ? Write(factor) : null);

    public Task<PasskeyOwner?> FindByPasskeyIdAsync(byte[] credentialId, CancellationToken cancellationToken) => Task.FromResult(
        database.Read(view => Passkey.Find(view, environmentId, idKey, credentialId)) is { UserId: { } owner } ? new PasskeyOwner(owner) : null);

    /// <remarks>With no count of signatures: that is compared in the node's writer, so that two answers at once are, and what is wrong is known by name.</remarks>
    private static UserPasskeyInfo Write(Factor factor)
    {
        var details = factor.Read<Factor.PasskeyDetails>();
        return new UserPasskeyInfo(Base64.Decode(details.CredentialId)!, Base64.Decode(details.PublicKey)!, DateTimeOffset.FromUnixTimeMilliseconds(factor.CreatedAt), 0, [.. details.Transports],
            isUserVerified: true, details.IsBackupEligible, details.IsBackedUp, [], []);
    }

    public void Dispose()
    {
        // It holds nothing.
    }

    // What the interface has besides, and the checker never asks.
    public Task AddOrUpdatePasskeyAsync(PasskeyOwner user, UserPasskeyInfo passkey, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task RemovePasskeyAsync(PasskeyOwner user, byte[] credentialId, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<PasskeyOwner?> FindByNameAsync(string normalizedUserName, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<string?> GetUserNameAsync(PasskeyOwner user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<string?> GetNormalizedUserNameAsync(PasskeyOwner user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task SetUserNameAsync(PasskeyOwner user, string? userName, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task SetNormalizedUserNameAsync(PasskeyOwner user, string? normalizedName, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IdentityResult> CreateAsync(PasskeyOwner user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IdentityResult> UpdateAsync(PasskeyOwner user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IdentityResult> DeleteAsync(PasskeyOwner user, CancellationToken cancellationToken) => throw new NotSupportedException();
}
