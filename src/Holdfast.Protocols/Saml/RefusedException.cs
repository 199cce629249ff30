namespace Holdfast.Protocols.Saml;

/// <summary>A refusal on its way to the public edge of this folder, where it becomes a value. Nothing outside ever sees it.</summary>
/// <remarks>A value all the way would double the readers below: each of them yields something, and each line of them can be the end.</remarks>
internal sealed class RefusedException(SamlRefusal why, string detail) : Exception(detail)
{
    public SamlRefusal Why => why;

    /// <summary>Runs <paramref name="work"/>, which reads what a stranger sent; its every failure comes out of <paramref name="refused"/>.</summary>
    public static T Catch<T>(Func<T> work, Func<SamlRefusal, string, T> refused)
    {
        try
        {
            return work();
        }
        catch (RefusedException e)
        {
            return refused(e.Why, e.Message);
        }
        catch (Exception e)
        {
            // A bug of ours must refuse the message, not become the stranger's way to a 500.
            return refused(SamlRefusal.Unexpected, e.GetType().Name);
        }
    }

    /// <summary>A stranger's text, fit to stand in a detail.</summary>
    public static string Quote(string text)
    {
        var cut = text.Length <= 100 ? text : text[..100] + "…";
        return "\"" + string.Concat(cut.Select(c => char.IsControl(c) ? ' ' : c)) + "\"";
    }
}
