using System.Buffers.Binary;
using System.Security.Cryptography;
using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>Ids of sessions. Each says, to whoever has the cluster's key, of which environment it is: so a session that has not come to a node is ended there by its id alone (law 4). Nobody else
/// can make one that names an environment, so what strangers make up writes nothing.</summary>
/// <remarks>The first 13 bytes are a time and random, or follow from a request; the last 3 a short mark of the environment, under a pad that follows from those.</remarks>
internal static class SessionIds
{
    private const int MarkAt = 13;

    /// <summary>A new one. Under an idempotent request it is the same each time, on the node that decides.</summary>
    public static string New(Act act)
    {
        var bytes = act.Request is null
            ? Ids.BytesOf(Ids.Session, act.NewId(Ids.Session))!
            : Ids.BytesOf(Ids.Session, Ids.Derived(Ids.Session, act.Random, "session", act.Incarnation))!;
        var mark = MarkOf(act.SessionIdKey, act.EnvironmentId) ^ Pad(act.SessionIdKey, bytes);
        (bytes[MarkAt], bytes[MarkAt + 1], bytes[MarkAt + 2]) = ((byte)(mark >> 16), (byte)(mark >> 8), (byte)mark);
        return Ids.OfBytes(Ids.Session, bytes);
    }

    /// <summary>The environment that a session's id names; null when it names none that is here.</summary>
    public static string? EnvironmentOf(View view, byte[] key, string id)
    {
        if (Ids.BytesOf(Ids.Session, id) is not { } bytes)
        {
            return null;
        }
        var mark = (bytes[MarkAt] << 16 | bytes[MarkAt + 1] << 8 | bytes[MarkAt + 2]) ^ Pad(key, bytes);
        return view.Query<string>("SELECT id FROM environments").Find(environment => MarkOf(key, environment) == mark);
    }

    private static int MarkOf(byte[] key, string environmentId) => Short(HMACSHA256.HashData(key, System.Text.Encoding.UTF8.GetBytes("environment\n" + environmentId)));

    private static int Pad(byte[] key, byte[] bytes) => Short(HMACSHA256.HashData(key, bytes.AsSpan(0, MarkAt)));

    private static int Short(byte[] mac) => (int)(BinaryPrimitives.ReadUInt32BigEndian(mac) >> 8);
}
