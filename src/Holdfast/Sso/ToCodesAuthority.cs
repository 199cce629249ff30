using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Sends an exchange on to the node that made its code, when that is another (law 5).</summary>
internal sealed class ToCodesAuthority(Database database, ForwardToAuthority authority)
{
    /// <returns>The answer; null when this node is to decide.</returns>
    public async Task<IResult?> TryAsync(HttpContext http, string code) =>
        code.IndexOf('.', StringComparison.Ordinal) is var end and > 0 && code[..end] is var incarnation && incarnation != database.Incarnation
            ? await authority.TryAsync(http, incarnation, whenVoid: null, SsoErrors.AuthorityUnavailable)
            : null;
}
