using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Generate;

/// <summary>Docstrings of an assembly, as plain text.</summary>
internal sealed partial class XmlDocs
{
    private readonly Dictionary<string, string> _summaries;

    private XmlDocs(Dictionary<string, string> summaries) => _summaries = summaries;

    /// <exception cref="FileNotFoundException">The documentation file is not beside the assembly.</exception>
    public static XmlDocs Of(Assembly assembly)
    {
        var document = XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml"));
        return new(document.Descendants("member")
            .Where(member => member.Element("summary") is not null)
            .ToDictionary(member => member.Attribute("name")!.Value, member => Text(member.Element("summary")!)));
    }

    public string? Summary(Type type) => _summaries.GetValueOrDefault("T:" + type.FullName);

    public string? Summary(MemberInfo member) =>
        _summaries.GetValueOrDefault($"{(member is FieldInfo ? "F" : "P")}:{member.DeclaringType!.FullName}.{member.Name}");

    private static string Text(XElement element)
    {
        var parts = element.Nodes().Select(node => node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" } see => "`" + (see.Attribute("cref") ?? see.Attribute("langword"))!.Value.Split('.', ':')[^1] + "`",
            XElement { Name.LocalName: "c" } code => "`" + code.Value + "`",
            _ => "",
        });
        return Spaces().Replace(string.Concat(parts), " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
