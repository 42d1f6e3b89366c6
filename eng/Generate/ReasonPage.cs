using System.Globalization;
using System.Reflection;
using System.Text;
using KlosetOperator.Api;

namespace Generate;

/// <summary>`docs/reference/reasons.md`: the reasons that the operator gives besides those of the worker.</summary>
internal static class ReasonPage
{
    public static string Build(XmlDocs docs)
    {
        var page = new StringBuilder("<!-- Generated from the types by `make gen`. Do not edit. -->\n# Reasons of the operator\n\n");
        page.Append("Reasons of conditions, runs and Events besides those of the worker, which are in [exit codes and errors](exit-codes.md).\n\n");
        Table("Reason", typeof(Reasons));
        page.Append("\n## Conditions\n\n");
        Table("Condition", typeof(ConditionTypes));
        return page.ToString();

        void Table(string heading, Type type)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {heading} | Meaning |\n| --- | --- |\n");
            foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Static).OrderBy(field => (string)field.GetRawConstantValue()!, StringComparer.Ordinal))
            {
                page.Append(CultureInfo.InvariantCulture, $"| `{field.GetRawConstantValue()}` | {docs.Summary(field)} |\n");
            }
        }
    }
}
