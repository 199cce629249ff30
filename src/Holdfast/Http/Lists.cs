namespace Holdfast.Http;

/// <summary>Lists in a query, in the three spellings that clients use: <c>a=x,y</c>, <c>a=x&amp;a=y</c>, <c>a[]=x&amp;a[]=y</c>.</summary>
public static class Lists
{
    public static List<string> Read(IQueryCollection query, string name) =>
    [
        .. query[name].Concat(query[name + "[]"]).SelectMany(v => (v ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)),
    ];
}
