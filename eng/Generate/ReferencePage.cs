using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;

namespace Generate;

/// <summary>`docs/reference/api.md`: every field of every kind, the conditions and the reasons.</summary>
internal static class ReferencePage
{
    public static string Build(IReadOnlyList<Type> kinds, XmlDocs docs)
    {
        var page = new StringBuilder();
        page.Append("<!-- Generated from the types by `make gen`. Do not edit. -->\n# API reference\n\n");
        page.Append(CultureInfo.InvariantCulture, $"Group `{ApiGroup.Name}`, version `{ApiGroup.Version}`. All kinds are namespaced; `kubectl get {ApiGroup.Category}` lists them.\n");
        foreach (var kind in kinds)
        {
            var entity = kind.GetCustomAttribute<KubernetesEntityAttribute>()!;
            page.Append(CultureInfo.InvariantCulture, $"\n## {entity.Kind}\n\n{docs.Summary(kind)}\n\n");
            page.Append(CultureInfo.InvariantCulture, $"Short name `{string.Join("`, `", kind.GetCustomAttribute<KubernetesEntityShortNamesAttribute>()!.ShortNames)}`.\n");
            Fields(page, "spec", kind.GetProperty("Spec")!.PropertyType, docs);
            Fields(page, "status", kind.GetProperty("Status")!.PropertyType, docs);
        }

        Constants(page, "Conditions", "Type", typeof(ConditionTypes), docs);
        Constants(page, "Reasons", "Reason", typeof(Reasons), docs);
        Constants(page, "Annotations", "Annotation", typeof(Annotations), docs);
        return page.ToString();
    }

    private static void Fields(StringBuilder page, string path, Type type, XmlDocs docs)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n### {path}\n\n");
        foreach (var rule in type.GetCustomAttributes<ValidationRuleAttribute>())
        {
            page.Append(CultureInfo.InvariantCulture, $"* {rule.Message}\n");
        }

        page.Append("\n| Field | Type | Meaning |\n| --- | --- | --- |\n");
        var nested = new List<(string, Type)>();
        foreach (var property in SchemaBuilder.Properties(type))
        {
            var name = SchemaBuilder.JsonName(property);
            var plain = SchemaBuilder.Unwrap(property.PropertyType);
            var item = SchemaBuilder.ListItem(plain);
            page.Append(CultureInfo.InvariantCulture, $"| `{name}` | {TypeName(property, plain, item)} | {Meaning(property, docs)} |\n");
            var inner = item ?? plain;
            if (inner.IsClass && inner.Assembly == typeof(KlosetRepository).Assembly)
            {
                nested.Add(($"{path}.{name}{(item is null ? "" : "[]")}", inner));
            }
        }

        foreach (var (innerPath, inner) in nested)
        {
            Fields(page, innerPath, inner, docs);
        }
    }

    private static string TypeName(PropertyInfo property, Type type, Type? item)
    {
        if (item is not null)
        {
            return "list of " + TypeName(property, SchemaBuilder.Unwrap(item), null);
        }

        if (SchemaBuilder.MapValue(type) is not null)
        {
            return "map of string";
        }

        return type switch
        {
            { IsEnum: true } => string.Join(", ", Enum.GetNames(type).Select(value => $"`{value}`")),
            _ when type == typeof(DateTimeOffset) => "time",
            _ when type == typeof(ByteQuantity) => "quantity of bytes",
            _ when type == typeof(bool) => "boolean",
            _ when type == typeof(int) || type == typeof(long) => "integer",
            _ when type == typeof(double) => "number",
            _ when type == typeof(string) => property.GetCustomAttribute<PatternAttribute>()?.Pattern == GoDuration.Pattern ? "duration" : "string",
            _ when type.Assembly == typeof(V1ObjectMeta).Assembly => $"Kubernetes {type.Name[2..]}",
            _ => "object",
        };
    }

    private static string Meaning(PropertyInfo property, XmlDocs docs)
    {
        var text = new StringBuilder(docs.Summary(property) ?? "");
        if (property.IsDefined(typeof(RequiredMemberAttribute)))
        {
            text.Append(" **Required.**");
        }

        if (property.GetCustomAttribute<DefaultAttribute>() is { } byDefault && byDefault.Json != "\"\"")
        {
            text.Append(CultureInfo.InvariantCulture, $" Default `{byDefault.Json.Trim('"')}`.");
        }

        foreach (var rule in property.GetCustomAttributes<ValidationRuleAttribute>())
        {
            text.Append(CultureInfo.InvariantCulture, $" Rule: {rule.Message}.");
        }

        return text.ToString().Trim().Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static void Constants(StringBuilder page, string title, string column, Type type, XmlDocs docs)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n| {column} | Meaning |\n| --- | --- |\n");
        foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral))
        {
            page.Append(CultureInfo.InvariantCulture, $"| `{field.GetRawConstantValue()}` | {docs.Summary(field)} |\n");
        }
    }
}
