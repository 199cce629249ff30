using System.Security.Cryptography;
using System.Text;
using Holdfast.Http;
using Holdfast.Keys;

namespace Holdfast.Incidents;

/// <summary>What the operator shows: derived from the cluster key file, so whoever can read that is the operator, at every node alike.</summary>
internal sealed class OperatorKey(ClusterKeys keys)
{
    /// <summary><c>op_</c> and 256 bits.</summary>
    public string Value { get; } = "op_" + Base64.Encode(keys.Derive("operator key"));

    /// <summary>Whether the request shows it as a bearer. Takes the same time for every wrong one of its length.</summary>
    public bool IsShownBy(HttpContext http) =>
        Caller.Bearer(http) is { } shown && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(shown), Encoding.UTF8.GetBytes(Value));
}
