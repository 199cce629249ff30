namespace Holdfast.Peers;

/// <summary>The file that says, where there is no cluster key, who vouches for nodes.</summary>
internal static class AuthorityFile
{
    /// <returns>The authority, or what is wrong with the file.</returns>
    public static (PeerAuthority? Authority, string? Fault) Read(string path)
    {
        try
        {
            return PeerAuthority.Read(File.ReadAllText(path)) is { } authority
                ? (authority, null)
                : (null, $"{path} holds no certificate of a cluster's authority, or another beside it. 'holdfast ops authority' prints it.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return (null, $"{path} cannot be read.");
        }
    }
}
